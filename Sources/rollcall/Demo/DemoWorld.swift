import GRDB
import Synchronization

/// The customers of the demo's shop: an SQLite table whose rows change like real people's do, from a seed, so that
/// every demo tells the same story.
actor DemoWorld {
    private let queue: DatabaseQueue
    private var random: SplitMix
    private var nextUser = 1

    static let startingUsers = 4_000

    init(path: String, seed: UInt64) throws {
        var configuration = Configuration()
        // The syncs read the table while the customers change it.
        configuration.busyMode = .timeout(30)
        queue = try DatabaseQueue(path: path, configuration: configuration)
        random = SplitMix(seed: seed)
    }

    func populate() async throws {
        try await queue.write { database in
            try database.execute(sql: """
                CREATE TABLE users (
                  user_id TEXT PRIMARY KEY, plan TEXT NOT NULL, spent INTEGER NOT NULL, quiet_days INTEGER NOT NULL,
                  newsletter INTEGER NOT NULL
                ) STRICT
                """)
        }
        try await join(Self.startingUsers)
    }

    /// An hour in the shop: some join, spend, fall quiet, come back, change plan, leave the newsletter.
    func pass() async throws {
        try await join(8 + random.below(12))
        let draws = (0..<5).map { _ in Int64(random.below(1 << 30)) }
        try await queue.write { database in
            try database.execute(
                sql: "UPDATE users SET spent = spent + 40 + (rowid * 37 + ?) % 160, quiet_days = 0 "
                    + "WHERE (rowid * 7919 + ?) % 97 < 3",
                arguments: [draws[0], draws[1]])
            try database.execute(
                sql: "UPDATE users SET quiet_days = quiet_days + 1 WHERE (rowid * 104729 + ?) % 89 < 6",
                arguments: [draws[2]])
            try database.execute(
                sql: "UPDATE users SET plan = CASE plan WHEN 'trial' THEN 'paid' ELSE 'trial' END "
                    + "WHERE (rowid * 611953 + ?) % 211 < 3",
                arguments: [draws[3]])
            try database.execute(
                sql: "UPDATE users SET spent = spent * 9 / 10, newsletter = (rowid + ?) % 10 > 1 "
                    + "WHERE (rowid * 15485863 + ?) % 307 < 5",
                arguments: [draws[4], draws[0]])
        }
    }

    /// Somebody cleans the newsletter list: four in ten are gone at once.
    func cleanNewsletter() async throws {
        try await queue.write { database in
            try database.execute(sql: "UPDATE users SET newsletter = 0 WHERE rowid % 5 < 2")
        }
    }

    private func join(_ count: Int) async throws {
        let first = nextUser
        nextUser += count
        let draws = (0..<count).map { _ in (random.below(3), random.below(900), random.below(40), random.below(4)) }
        try await queue.write { database in
            let insert = try database.makeStatement(sql: "INSERT INTO users VALUES (?, ?, ?, ?, ?)")
            for (offset, draw) in draws.enumerated() {
                try insert.execute(arguments: [
                    "u-\(10_000 + first + offset)", draw.0 == 0 ? "trial" : "paid", draw.1, draw.2,
                    draw.3 == 0 ? 0 : 1,
                ])
            }
        }
    }

    func members(_ query: String) async throws -> Set<[UInt8]> {
        try await queue.read { database in
            Set(try String.fetchAll(database, sql: query).map { Array($0.utf8) })
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
}
