/// What a fault script does to one request.
struct FaultDecision: Equatable {
    /// Wait first, in milliseconds.
    var delayMilliseconds = 0
    /// What happens then; nil when the request is answered as it deserves.
    var action: FaultAction?
    /// Whether the messages are stored although the action fails.
    var stores = false
    var retryAfter: String?
    /// The rules that acted, as written; nil when none did.
    var rules: String?

    /// Whether the request's messages go to the store.
    var keepsMessages: Bool { action == nil || stores }
}

/// Runs a fault script: counts requests and decides about each. Pure; time comes from outside.
struct FaultClock {
    let script: FaultScript
    /// When the script was set, in milliseconds of any steady clock.
    private let start: Int64
    private var requests = 0
    /// How often each rule's other conditions were met, and how often it acted.
    private var eligible: [Int]
    private var acted: [Int]

    init(_ script: FaultScript, start: Int64) {
        self.script = script
        self.start = start
        eligible = Array(repeating: 0, count: script.rules.count)
        acted = eligible
    }

    /// Decides about the next request.
    /// - Parameters:
    ///   - now: milliseconds of the same clock as `start`.
    ///   - names: whether the request names this user.
    mutating func decide(now: Int64, names: ([UInt8]) -> Bool) -> FaultDecision {
        requests += 1
        var decision = FaultDecision()
        for (index, rule) in script.rules.enumerated() where acts(index, rule, now - start, names) {
            decision.delayMilliseconds = min(
                decision.delayMilliseconds + rule.delayMilliseconds, FaultScriptParser.longestWait)
            decision.rules = decision.rules.map { "\($0), \(rule.text)" } ?? rule.text
            guard let action = rule.action else { continue }
            decision.action = action
            decision.stores = rule.stores
            decision.retryAfter = rule.retryAfter
            break
        }
        return decision
    }

    private mutating func acts(_ index: Int, _ rule: FaultRule, _ elapsed: Int64, _ names: ([UInt8]) -> Bool) -> Bool {
        if let count = rule.count, acted[index] >= count { return false }
        switch rule.from {
        case .request(let number) where requests < number: return false
        case .milliseconds(let time) where elapsed < Int64(time): return false
        default: break
        }
        switch rule.until {
        case .request(let number) where requests > number: return false
        case .milliseconds(let time) where elapsed >= Int64(time): return false
        default: break
        }
        if let user = rule.user, !names(user) { return false }
        eligible[index] += 1
        if let every = rule.every, !eligible[index].isMultiple(of: every) { return false }
        acted[index] += 1
        return true
    }
}
