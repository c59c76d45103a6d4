import Scheduling

/// What every part of the engine works with.
package struct EngineContext: Sendable {
    package var store: any SyncStore
    package var clock: any EngineClock
    package var folder: StateFolder
    package var namespace: [UInt8]
    package var log: EngineLog

    package init(
        store: any SyncStore, clock: any EngineClock, folder: StateFolder, namespace: [UInt8],
        log: EngineLog
    ) {
        self.store = store
        self.clock = clock
        self.folder = folder
        self.namespace = namespace
        self.log = log
    }
}

/// Takes what happened for the log, a line each. Never bodies, never secrets.
package struct EngineLog: Sendable {
    package enum Level: String, Sendable {
        case info, warning, error
    }

    private let write: @Sendable (Level, String) -> Void

    /// A log that keeps nothing.
    package static let none = EngineLog { _, _ in }

    package init(_ write: @escaping @Sendable (Level, String) -> Void) {
        self.write = write
    }

    package func callAsFunction(_ text: String, _ level: Level = .info) {
        write(level, text)
    }
}

/// How a run was asked for.
package struct RunOptions: Sendable {
    package var mode = RunMode.changes
    /// The plan's hash that may be sent; any other plan is held.
    package var approvedHash: String?
    /// Overrides the destination's `retry_for`, in milliseconds.
    package var retryFor: Int64?
    /// Who asked, for the audit: `uid:1000`, `engine`.
    package var actor = "engine"
    package var reason: String?

    package init() {}
}

/// Which interrupted runs a starting engine takes up.
package enum ResumePolicy: Sendable, Equatable {
    /// All: those that were sending go on, those that were not planned yet start again.
    case everything
    /// Those of these syncs that were sending; what was not planned yet is closed.
    case only(Set<SyncID>)
    /// Those of these syncs, as `everything` does for all.
    case again(Set<SyncID>)
    case nothing

    func includes(_ sync: SyncID) -> Bool {
        switch self {
        case .everything: true
        case .only(let syncs), .again(let syncs): syncs.contains(sync)
        case .nothing: false
        }
    }
}

/// Why the engine refuses what was asked. Text for people is made where it is shown.
package enum EngineRefusal: Error, Sendable, Equatable {
    case unknownSync(String)
    case unknownRun(String)
    /// Nothing is sent anywhere until `unfreeze`.
    case frozen
    /// The sync cannot run: a secret that cannot be had.
    case blocked(String)
    /// The run is not in a phase for this; the sentence says what it is in.
    case notPossible(String)
    case storage(String)
    /// It was tried and did not work.
    case failed(String)
    /// This process is just letting go of the workspace; ask again.
    case stopping
}

/// What the engine tells those who watch.
package enum EngineChange: Sendable {
    case run(RunRecord)
    /// Parts of a run's plan have come further; the record carries the counts.
    case batches(RunRecord, [BatchFact])
    case frozen(Bool)
    case configured
}
