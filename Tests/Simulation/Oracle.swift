import Membership
import Scheduling
import SyncEngine

/// What was read for a run, as it really was.
struct FetchTruth {
    var members: [Bool]
    /// The source ended normally; anything else proves nothing.
    var isComplete: Bool
    var hasUnreadable: Bool
}

/// One message on its way to the receiver.
struct Message: Hashable {
    var id: MessageID
    var sync: Int
    var trait: Int
    var user: Int
    var value: Bool
    var timestamp: Int64

    /// What the receiver keeps apart: a sync under one of its traits.
    var audience: Int { sync * 2 + trait }
}

/// Knows what really happened and judges every step. The first breach ends a history.
struct Oracle {
    private struct Transition {
        var message: Message
        /// When an attempt of this or of an earlier transition to the same value last ended in doubt.
        var isAmbiguousSince: Int64?
        /// An attempt of this very transition ended in doubt.
        var isInDoubt = false
        /// Earlier ids, which this one replaces as soon as it has arrived.
        var replaces: [MessageID] = []
        /// Accepted or refused for certain, as far as the sender can know.
        var isSettled = false
        /// An attempt of the opposite value was found on record after it, whether or not it went out.
        var isSuperseded = false
    }

    private(set) var breach: String?
    private let users: Int
    /// Users whom no message can be made for.
    var unwordable: Set<Int> = []
    private let receiver: Weather.Receiver
    private var fetches: [Int64: FetchTruth] = [:]
    /// Runs whose plan does not follow from a source: exactly what a person saw and approved may go out.
    private var deliberate: Set<Int64> = []
    private var known: [MessageID: Message] = [:]
    /// Newest transition of each sync and user; ids that newer ones replaced.
    private var latest: [Transition?]
    private var superseded: Set<MessageID> = []
    private var received: Set<MessageID> = []
    private var durable: Set<MessageID> = []
    /// Timestamp of the latest transition that arrived, by sync and user.
    private var newestArrived: [Int64]
    private var lastLaunch: [Int64]
    private var onWire: [Int: Int] = [:]
    private var active: [Int: Int] = [:]
    private var occurrences: Set<Int64> = []
    private var approvals: [Int64: Set<Int>] = [:]
    private var quietUntil: [Int: Int64] = [:]
    private var dismissed: Set<Int> = []
    /// Users about whom a state that was put back knows less than the receiver; nothing is promised for them.
    private(set) var forgotten: Set<Int> = []
    private(set) var launches = 0
    private(set) var checks = 0

    init(users: Int, syncs: Int, receiver: Weather.Receiver) {
        self.users = users
        self.receiver = receiver
        newestArrived = [Int64](repeating: -(1 << 60), count: users * syncs * 2)
        lastLaunch = newestArrived
        latest = [Transition?](repeating: nil, count: users * syncs * 2)
    }

    mutating func report(_ sentence: @autoclosure () -> String) {
        if breach == nil { breach = sentence() }
    }

    mutating func require(_ holds: Bool, _ sentence: @autoclosure () -> String) {
        checks += 1
        if !holds { report(sentence()) }
    }

    // MARK: - Runs

    mutating func fetched(_ run: Int64, _ truth: FetchTruth, sync: Int) {
        fetches[run] = truth
        deliberate.remove(run)
        guard truth.isComplete else { return }
        dismissed = dismissed.filter { [users] entry in
            let slot = entry / 2
            return slot / users / 2 != sync || (entry % 2 == 1) == truth.members[slot % users]
        }
    }

    /// A person asked for this run by name; it reads no source.
    mutating func asked(_ run: Int64) {
        fetches[run] = nil
        deliberate.insert(run)
    }

    mutating func began(run: Int64, sync: Int, in process: Int) {
        require(active[sync] == nil, "I-9: run \(run) of sync \(sync) began while another was under way")
        active[sync] = process
    }

    mutating func ended(sync: Int) { active[sync] = nil }

    mutating func died(_ process: Int) {
        active = active.filter { $0.value != process }
        onWire = onWire.filter { $0.value != process }
        quietUntil[process] = nil
    }

    mutating func scheduled(_ nominal: Instant, sync: Int, now: Instant) {
        require(
            occurrences.insert(nominal.milliseconds * 64 + Int64(sync)).inserted,
            "I-11: occurrence \(nominal.milliseconds) of sync \(sync) started a second run")
        let newest = now.milliseconds - now.milliseconds % Weather.interval
        require(
            nominal.milliseconds == newest,
            "T8: a run was started for \(nominal.milliseconds) when \(newest) was the newest due")
    }

    mutating func approved(_ run: Int64, _ plan: [Change]) {
        approvals[run] = Self.content(plan)
    }

    private static func content(_ plan: [Change]) -> Set<Int> { Set(plan.map { $0.user * 4 + $0.trait * 2 + ($0.entered ? 1 : 0) }) }

    /// A person wants this no more, until membership or definition changes; under another trait it is another change.
    mutating func dismiss(_ user: Int, _ value: Bool, audience: Int) {
        dismissed.insert((audience * users + user) * 2 + (value ? 1 : 0))
    }

    // MARK: - Messages

    struct Launch {
        var run: Int64
        var sync: Int
        var plan: [Change]
        var ledgerMembers: Int
        var leaveLimit: Int?
        /// For a migration, how many changes end the former trait.
        var formerCount: Int?
        var isConfigured: Bool
        var process: Int
        var isOnRecord: Bool
    }

    mutating func launched(_ messages: [Message], _ launch: Launch, at time: Int64) {
        launches += 1
        require(launch.isConfigured, "I14: run \(launch.run) sends although its sync is not configured")
        require(launch.isOnRecord, "I-10: run \(launch.run) sends what is not on record")
        require(time >= quietUntil[launch.process] ?? 0, "N7: sent before Retry-After was over")
        if deliberate.contains(launch.run) || launch.formerCount != nil {
            require(
                approvals[launch.run] == Self.content(launch.plan), "run \(launch.run) sends what nobody asked for and saw")
            // Whoever asks for a member to be told after all has changed what is wanted of them.
            for message in messages {
                dismissed.remove(slot(message) * 2)
                dismissed.remove(slot(message) * 2 + 1)
            }
        }
        if !deliberate.contains(launch.run) {
            guard let truth = fetches[launch.run] else { return report("run \(launch.run) sends and never read") }
            require(truth.isComplete, "I-3: run \(launch.run) sends what an incomplete reading said")
            if let formerCount = launch.formerCount {
                checkMigration(messages, launch, formerCount)
            } else {
                checkApproval(launch, truth)
            }
            for message in messages where launch.formerCount == nil || message.value { check(message, launch, truth) }
        }
        for message in messages { check(message, launch, at: time) }
    }

    /// Nobody is told anything on the new trait before everybody was told `false` on the former.
    private mutating func checkMigration(_ messages: [Message], _ launch: Launch, _ formerCount: Int) {
        guard messages.contains(where: \.value) else { return }
        for change in launch.plan[..<formerCount] {
            let slot = (launch.sync * 2 + change.trait) * users + change.user
            require(
                latest[slot]?.isSettled == true || forgotten.contains(slot) || unwordable.contains(change.user),
                "user \(change.user) is told of a new trait before the former has ended")
        }
    }

    /// A plan that a guard must have held goes out only as what a person saw.
    private mutating func checkApproval(_ launch: Launch, _ truth: FetchTruth) {
        let leaves = launch.plan.reduce(0) { $0 + ($1.kind == .left ? 1 : 0) }
        let isEmpty = !truth.members.contains(true) && launch.ledgerMembers > 0
        guard isEmpty || leaves > launch.leaveLimit ?? .max else { return }
        require(
            approvals[launch.run] == Self.content(launch.plan),
            "I-3: run \(launch.run) trips a guard and nobody approved that plan")
    }

    /// What a reading says a message may say.
    private mutating func check(_ message: Message, _ launch: Launch, _ truth: FetchTruth) {
        if message.value {
            require(truth.members[message.user], "I-1: user \(message.user) is told true and was not in the snapshot")
        } else {
            require(
                !truth.members[message.user], "I-3: user \(message.user) is told false and was in the snapshot")
            require(
                !truth.hasUnreadable || approvals[launch.run] != nil,
                "I-3: user \(message.user) is told false although rows were unreadable")
        }
        require(
            !dismissed.contains(slot(message) * 2 + (message.value ? 1 : 0)), "a dismissed member was sent again")
    }

    /// What every message must keep, whoever asked for it.
    private mutating func check(_ message: Message, _ launch: Launch, at time: Int64) {
        let slot = slot(message)
        let isRepeat = known[message.id] != nil
        if let same = known[message.id] {
            require(same == message, "I-4, I-5: one id for two messages")
        }
        known[message.id] = message
        require(
            !superseded.contains(message.id) || forgotten.contains(slot),
            "I-6: an attempt for user \(message.user) was sent again after a later one")
        require(!durable.contains(message.id), "I-10: sent again after its acceptance was durable")
        require(onWire[slot] == nil, "I-6: two messages of one user on the wire")
        onWire[slot] = launch.process
        lastLaunch[slot] = time
        guard let before = latest[slot] else {
            latest[slot] = Transition(message: message)
            return
        }
        guard before.message.id != message.id else { return }
        if isRepeat {
            // The later transition certainly never arrived, so the earlier attempt is still the last one.
            latest[slot] = Transition(
                message: message, isAmbiguousSince: before.isAmbiguousSince,
                isInDoubt: true, replaces: before.replaces.filter { $0 != message.id })
            return
        }
        if !forgotten.contains(slot) {
            require(message.timestamp > newestArrived[slot], "§4: a later transition of user \(message.user) has no later timestamp")
            require(
                before.isSettled || before.isSuperseded || before.message.value != message.value,
                "I-4: an unsettled attempt for user \(message.user) got another id")
            if receiver == .plain, before.message.value != message.value, let since = before.isAmbiguousSince {
                require(
                    time >= since + Weather.longestDelay, "I-8: the opposite was sent \(time - since) ms after doubt")
            }
        }
        var next = Transition(message: message)
        next.replaces = before.replaces + [before.message.id]
        // Doubt about any earlier attempt stays for as long as that attempt may still arrive.
        if before.message.value == message.value { next.isAmbiguousSince = before.isAmbiguousSince }
        latest[slot] = next
    }

    mutating func answered(_ messages: [Message], _ outcome: DeliveryOutcome, process: Int, at time: Int64) {
        for message in messages {
            onWire[slot(message)] = nil
            mark(message) { transition in
                switch outcome {
                case .accepted, .refused: transition.isSettled = true
                case .unknown, .partly:
                    transition.isAmbiguousSince = time
                    transition.isInDoubt = true
                case .tooLarge, .blocked, .notAccepted:
                    // Certainly nothing arrived, unless an earlier attempt may have.
                    if !transition.isInDoubt { transition.isSettled = true }
                }
            }
        }
        if case .notAccepted(_, _, let pause?) = outcome { quietUntil[process] = time + pause.milliseconds }
    }

    private func slot(_ message: Message) -> Int { message.audience * users + message.user }

    private mutating func mark(_ message: Message, _ change: (inout Transition) -> Void) {
        let slot = slot(message)
        guard var transition = latest[slot], transition.message.id == message.id else { return }
        change(&transition)
        latest[slot] = transition
    }

    /// Answered by a refusal of each of these alone: whoever refuses a message refused every attempt for it.
    mutating func refused(_ messages: [Message]) {
        for message in messages {
            mark(message) {
                $0.isAmbiguousSince = nil
                $0.isInDoubt = false
                $0.isSettled = true
            }
        }
    }

    /// A process found these on record as being sent. It cannot know that the one before died before their first byte
    /// left: an attempt of the opposite value, whatever its outcome, is superseded by them.
    mutating func foundInDoubt(_ messages: ArraySlice<Message>) {
        for message in messages {
            let slot = slot(message)
            guard let last = latest[slot], last.message.value != message.value else { continue }
            latest[slot]?.isSuperseded = true
        }
    }

    /// The sender died with these on the wire.
    mutating func lost(_ messages: [Message], at time: Int64) {
        for message in messages {
            mark(message) {
                $0.isAmbiguousSince = time
                $0.isInDoubt = true
            }
        }
    }

    mutating func arrived(_ message: Message) {
        received.insert(message.id)
        let slot = slot(message)
        newestArrived[slot] = max(newestArrived[slot], message.timestamp)
        var replaced: [MessageID] = []
        mark(message) { transition in
            replaced = transition.replaces
            transition.replaces = []
        }
        superseded.formUnion(replaced)
    }

    /// The store was told, durably, that the receiver accepted these.
    mutating func recordedAccepted(_ messages: [Message]) {
        for message in messages {
            require(received.contains(message.id), "told accepted and never received")
            durable.insert(message.id)
        }
    }

    mutating func unblockedByHand(_ process: Int) { quietUntil[process] = nil }

    /// An older state of the disk was put back: what was told since is nowhere on record.
    mutating func rewound(to time: Int64, users count: Int, syncs: Int, runs: Int64) {
        for audience in 0..<syncs * 2 {
            for user in 0..<count {
                let slot = audience * users + user
                if lastLaunch[slot] >= time - Weather.settle { forgotten.insert(slot) }
            }
        }
        durable = []
        superseded = []
        dismissed = []
        occurrences = []
        approvals = approvals.filter { $0.key <= runs }
    }
}
