import Membership
import SyncEngine

/// A run under way in a process: what dies with it.
final class ActiveRun {
    /// Worded, with the fact that must be durable before it goes out.
    struct Prepared {
        var piece: Piece
        var messages: [Message]
    }

    let sync: Int
    var machine: RunMachine
    var state: SyncState
    var approvedHash: String?
    var plan: [Change] = []
    /// How many changes of the plan end a former trait; the others wait for them.
    var formerCount = 0
    /// What each change of the plan is worded as.
    var messages: [Message] = []
    var snapshot: [Bool] = []
    var ledger: [Told] = []
    var delivery: DeliveryMachine?
    var prepared: [Prepared] = []
    var ready: [Prepared] = []
    var flights: [Int: [Message]] = [:]
    var facts: [BatchFact] = []
    var isCommitting = false
    var isStorageFailing = false
    var frozenSince: Int64?
    var timer: Int64 = .max
    var newState: SyncState?
    var newRejects: [KeptReject] = []
    var withheld = 0
    /// Opposite changes that wait until attempts of unknown outcome have settled.
    var settling = 0
    var isConcluded = false
    var cancelledEarly: String?
    /// Nothing it hears changes anything any more.
    var isOver = false

    init(_ record: RunRecord, sync: Int, state: SyncState) {
        self.sync = sync
        self.state = state
        machine = RunMachine(record)
    }

    var id: Int64 { machine.record.id.number }
}
