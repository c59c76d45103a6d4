/// Faults to rehearse, one rule after another, as `--fail` gives them.
///
/// ```
/// script   = rule *( ("," / ";" / line break) rule )
/// rule     = word *( " " word )            one action, or a delay, or both; conditions in any order
///
/// actions
///   500, status=500         answers that status (200…599) and stores nothing
///   success-false           answers 200 with a body that says success:false
///   html                    answers 200 with a page, as a captive portal does
///   redirect=URL            answers 307 to URL
///   reset                   resets the connection instead of answering
///   close                   closes it instead of answering
///   silence, silence=30s    never answers; closes after that time (60s, 10m at most)
///   drop-after-accept       stores, then resets: the sender cannot know (the same as `reset store`)
/// with any of them
///   delay=200ms             waits first; alone it delays and later rules still apply
///   store                   stores the messages all the same before it fails
///   retry-after=2           adds that Retry-After header (seconds, or a quoted date)
/// conditions, all of which must hold
///   count=3                 at most three times
///   every=5                 every fifth request that meets the other conditions
///   from=10, until=20       requests 10 to 20, counted from 1 since the script was set
///   from=5s, until=60s      from then until before then, since the script was set
///   user=u-42               only requests that name this user; quote what has spaces or commas: user="a, b"
/// ```
///
/// Rules are tried in order and the first one that meets its conditions acts. Only posts of messages count as requests.
package struct FaultScript: Sendable, Equatable {
    /// The rules in order.
    package var rules: [FaultRule]

    /// Nothing fails.
    package static let none = FaultScript(rules: [])

    package init(rules: [FaultRule]) {
        self.rules = rules
    }

    /// Reads a script; the empty text is ``none``.
    ///
    /// - Throws: ``FaultScriptError`` with the position of the first word that is wrong and what would be right.
    package init(parsing text: String) throws(FaultScriptError) {
        var parser = FaultScriptParser(text)
        rules = try parser.parse()
    }

    /// What `--fail` takes, for a command's help.
    package static let help = """
        One rule or several, separated by comma or semicolon; the first that applies acts. For example:
          500 count=3                    three times 500, then well again
          429 retry-after=2 every=5      every fifth request is throttled
          delay=200ms, reset every=10    all slow, every tenth reset
          400 user=u-42                  refuses every batch that names this user
          503 from=5s until=60s          out of order for a while
        Actions: NNN or status=NNN, success-false, html, redirect=URL, reset, close, silence[=TIME],
          drop-after-accept (stores, then resets), delay=TIME (alone or with an action).
        With them: store (stores all the same), retry-after=SECONDS.
        Conditions: count=N, every=N, from= and until= a request number or TIME, user=ID.
        TIME is a number with ms, s or m.
        """
}

/// One rule of a ``FaultScript``.
package struct FaultRule: Sendable, Equatable {
    /// What happens; nil when the rule only delays.
    package var action: FaultAction?
    /// Wait before anything else, in milliseconds.
    package var delayMilliseconds = 0
    /// Whether the messages are stored before the failure.
    package var stores = false
    /// The value of a Retry-After header.
    package var retryAfter: String?
    /// Acts at most that often.
    package var count: Int?
    /// Acts on every n-th request that meets the other conditions.
    package var every: Int?
    package var from: FaultBound?
    package var until: FaultBound?
    /// Acts only on requests that name this user.
    package var user: [UInt8]?
    /// The rule as it was written, for reports.
    package var text = ""

    package init(action: FaultAction?) {
        self.action = action
    }
}

/// What a rule does to a request.
package enum FaultAction: Sendable, Equatable {
    case status(Int)
    case successFalse
    case html
    case redirect(String)
    case reset
    case close
    /// Never answers, and closes after so many milliseconds.
    case silence(Int)
}

/// A border of the time in which a rule acts.
package enum FaultBound: Sendable, Equatable {
    /// The n-th request since the script was set, from 1.
    case request(Int)
    /// Milliseconds since the script was set.
    case milliseconds(Int)
}

/// A script that cannot be read.
package struct FaultScriptError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Byte of the script where the wrong word starts, from 1.
    package var position: Int
    /// What is wrong there.
    package var problem: String
    /// What would be right.
    package var expected: String

    package var description: String { "character \(position): \(problem); \(expected)" }
}
