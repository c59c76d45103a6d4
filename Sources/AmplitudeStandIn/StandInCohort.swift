/// One cohort of the stand-in.
package struct StandInCohort: Sendable {
    package var id: String
    package var name: String
    /// What the list says of its size; nil for the number of rows when it was last computed.
    package var size: Int?
    /// Seconds since 1970; nil leaves the field out.
    package var lastComputed: Int64?
    package var isArchived = false
    /// `User`, or the name of what its members are.
    package var countGroup = "User"
    /// Its rows' user ids at the moment of asking, in any order; an empty one is an anonymous user.
    package var members: @Sendable () async throws -> [String]

    package init(
        id: String, name: String, lastComputed: Int64? = nil, members: @escaping @Sendable () async throws -> [String]
    ) {
        self.id = id
        self.name = name
        self.lastComputed = lastComputed
        self.members = members
    }
}

/// Keys, limits and habits of the stand-in.
package struct StandInSettings: Sendable {
    package var apiKey = "stand-in-api-key"
    package var secretKey = "stand-in-secret-key"
    /// Downloads a month; how many were made before it started.
    package var quota = 500
    package var used = 0
    /// Whether it tells about the month; where it does not, the path is unknown.
    package var tellsUsage = true
    /// Requests for downloads in ten minutes and in one minute, and calls at a time; more are answered 429.
    package var perTenMinutes = 60
    package var perMinute = 4
    package var concurrent = 5
    /// Files with more rows than this are answered by a redirect to the second port.
    package var redirectAbove = 1_000
    package var compresses = true
    /// How long a job takes, in milliseconds of its clock.
    package var jobMilliseconds: Int64 = 1_000
    /// Milliseconds since 1970.
    package var clock: @Sendable () -> Int64

    package init(clock: @escaping @Sendable () -> Int64) {
        self.clock = clock
    }
}

/// The calls that a fault can be scripted for.
package enum StandInCall: String, Sendable, CaseIterable {
    case list, usage, request, poll, file
    /// The second port, where large files lie.
    case link
}

/// What goes wrong instead of the right answer.
package enum StandInFault: Sendable {
    case status(Int, body: String)
    /// The file, or the pointer to it, goes out with only this share of its bytes, properly framed.
    case half
    /// The file lacks its last rows, and is otherwise right.
    case rowsMissing(Int)
    /// A redirect to another place.
    case redirect(String)
    case state(String)
    /// Text of another kind.
    case garbage(String)
}

/// One request as it came.
package struct StandInRequest: Sendable, Equatable {
    package var call: StandInCall?
    package var path: String
    /// Whether it carried credentials, whichever port it came to.
    package var hasAuthorization: Bool
    package var status: Int
    /// Milliseconds since 1970.
    package var at: Int64
}
