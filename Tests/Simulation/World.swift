import Membership
import Scheduling
import SyncEngine

/// One history: a source, a disk, processes that come and go, a network and a receiver, under one virtual clock.
final class World {
    var dice: Dice
    var weather: Weather
    let mutation: Mutation?
    var oracle: Oracle
    var faults = FaultCounts()
    var queue = EventQueue()
    var disk: DiskImage
    var receiver: Receiver
    /// True time, in milliseconds; what monotonic clocks show.
    private(set) var time: Int64 = 0
    /// What civil clocks are wrong by.
    var skew: Int64 = 0
    var outageUntil: Int64 = 0
    var diskFullUntil: Int64 = 0
    var diskBusyUntil: Int64 = 0
    var openCommits = 0
    var planning = 0
    var damagedLedgers = 0
    private(set) var rewinds = 0
    var processes: [EngineProcess] = []
    private var lockHolder: Int?
    private var nextProcess = 1
    private(set) var isConfigured: [Bool]
    private var members: [[Bool]]
    private var older: (at: Int64, image: DiskImage)?
    private var planCounts: [Int]
    private var events = 0
    /// Fifty times what a history takes; a process that runs in circles is a breach.
    private let eventLimit: Int
    let unwordable: Set<Int>
    let names: [SyncID]
    let ids: [[UInt8]]
    /// What words the message ids of each sync.
    /// By sync and trait.
    var identities: [[MessageIdentity]]
    let policy: SchedulePolicy

    /// What a cohort is told as, before and after somebody renamed it.
    let traits = ["[Amplitude] Buyers (b1)", "[Amplitude] Shoppers (b1)"]
    private var configuredTrait: [Int]
    let namespace: [UInt8] = (0..<16).map { $0 }
    let noAttempt = Attempt(nonce: PlanNonce(high: 0, low: 0), timestamp: Instant(milliseconds: 0))
    /// 1 March 2026, midnight UTC.
    private static let start: Int64 = 1_772_323_200_000

    /// Where each step is told, for a person who replays one history.
    private let trace: ((String) -> Void)?

    init(
        seed: UInt64, size: HistorySize, mutation: Mutation?, schedule: Schedule, trace: ((String) -> Void)? = nil
    ) {
        self.trace = trace
        dice = Dice(seed: seed)
        weather = Weather(&dice, size)
        let users = size.users
        eventLimit = max(200_000, 5_000 * size.rounds * weather.syncs)
        self.mutation = mutation
        oracle = Oracle(users: users, syncs: weather.syncs, receiver: weather.receiver)
        receiver = Receiver(weather)
        names = (0..<weather.syncs).map { SyncID(cohort: "c\($0)", destination: "receiver") }
        ids = (0..<users).map { user in
            switch user {
            case 0: [0xC3, 0xA9]
            case 1: [0x65, 0xCC, 0x81]
            default: Array("user-\(user)".utf8)
            }
        }
        let (names, namespace, traits) = (names, namespace, traits)
        identities = names.map { name in
            traits.map { trait in
                MessageIdentity(
                    namespace: namespace, sync: mutation == .sharedIdNamespace ? names[0] : name, trait: trait)
            }
        }
        configuredTrait = names.map { _ in 0 }
        disk = DiskImage(syncs: names)
        isConfigured = names.map { _ in true }
        planCounts = names.map { _ in 0 }
        members = []
        policy = SchedulePolicy(
            schedule: schedule, zone: .utc, overlap: dice.chance(500) ? .skip : .queue,
            catchUp: dice.chance(800) ? .latest : .none)
        var hopeless: Set<Int> = []
        for user in 2..<users {
            if dice.chance(weather.rate(.poisonMember) / 2) { receiver.poison.insert(user) }
            if dice.chance(weather.rate(.pickyMember) / 2) { receiver.picky.insert(user) }
            if dice.chance(weather.rate(.unwordable) / 3) { hopeless.insert(user) }
        }
        unwordable = hopeless
        oracle.unwordable = hopeless
        faults.note(.unwordable, times: hopeless.count)
        members = names.map { _ in (0..<users).map { _ in dice.chance(500) } }
        for index in disk.states.indices {
            disk.states[index].scheduleLoadedAt = civil
        }
    }

    func tell(_ sentence: @autoclosure () -> String) {
        trace?("\(time) \(sentence())")
    }

    var civil: Instant { Instant(milliseconds: Self.start + time + skew) }

    /// Whether a fault strikes now; counted when it does.
    func strikes(_ kind: FaultKind) -> Bool {
        dice.chance(weather.rate(kind)) && note(kind)
    }

    func note(_ kind: FaultKind) -> Bool {
        faults.note(kind)
        return true
    }

    func index(of sync: SyncID) -> Int { names.firstIndex(of: sync) ?? 0 }

    func nextPlan(of sync: Int) -> Int {
        planCounts[sync] += 1
        return planCounts[sync]
    }

    func draft(_ sync: Int, _ trigger: Trigger, nominal: Instant?, mode: RunMode = .changes) -> RunRecord {
        RunRecord(
            id: RunID(0), sync: names[sync], trigger: trigger, mode: mode, nominal: nominal, createdAt: civil,
            identity: identity(of: sync))
    }

    /// As the sync is configured now.
    func identity(of sync: Int) -> SyncIdentity {
        SyncIdentity(
            trait: traits[configuredTrait[sync]], template: "{name}", sourceKind: "csv", sourceDefinition: "list",
            destinationKind: "segment", destinationAddress: "https://receiver.example")
    }

    /// The trait that the receiver was told a sync as.
    func toldTrait(of sync: Int) -> Int {
        disk.states[sync].told.flatMap { traits.firstIndex(of: $0.trait) } ?? configuredTrait[sync]
    }

    /// Whether a run's sync is configured; what `retire` tells is known from the run itself.
    func isKnown(_ record: RunRecord, _ sync: Int) -> Bool { isConfigured[sync] || record.mode == .retire }

    /// Somebody gives the cohort its other name.
    func rename(_ sync: Int) {
        configuredTrait[sync] = 1 - configuredTrait[sync]
        tell("sync \(sync) is configured as \(traits[configuredTrait[sync]])")
        for process in processes { process.endWhatNoLongerFits(sync) }
    }

    func isOnRecord(_ range: Range<Int>, _ run: Int64) -> Bool {
        mutation == .cursorPerProcessOnly
            || range.allSatisfy { index in
                disk.run(run)?.batches.contains { $0.range.contains(index) } == true
            }
    }

    // MARK: - Time

    /// Lets everything happen until then, or until something is wrong.
    func play(until end: Int64) {
        while oracle.breach == nil, let next = queue.nextAt, next <= end, let event = queue.take() {
            time = max(time, event.at)
            events += 1
            if events > eventLimit { oracle.report("L-1: \(events) events and no end") }
            if let process = event.process {
                guard process.isAlive else { continue }
                if process.pausedUntil > time {
                    queue.put(at: process.pausedUntil, in: process, event.action)
                    continue
                }
            }
            event.action()
        }
        time = max(time, end)
    }

    // MARK: - Disk

    enum CommitFate { case done, failed, unknown }

    func commitFate() -> CommitFate {
        if diskFullUntil > time { return .failed }
        if strikes(.commitFails) { return .failed }
        return strikes(.commitUnknown) ? .unknown : .done
    }

    // MARK: - Source

    struct Reading {
        var truth: FetchTruth
        var rows: [Bool]
        var duration: Int64
    }

    func churn(_ sync: Int) {
        for _ in 0..<dice.draw(0...weather.churn) {
            members[sync][dice.draw(0...weather.users - 1)].toggle()
        }
    }

    func read(_ sync: Int, canBeApproved: Bool) -> Reading {
        var rows = members[sync]
        if strikes(.emptySource) { rows = rows.map { _ in false } }
        if strikes(.massShrink) { rows = rows.indices.map { rows[$0] && $0 % 4 == 0 } }
        var truth = FetchTruth(members: rows, isComplete: true, hasUnreadable: false)
        if strikes(.sourceFails) { truth.isComplete = false }
        if strikes(.sourceEndsEarly) {
            truth.isComplete = false
            rows = rows.indices.map { rows[$0] && $0 < rows.count / 2 }
        }
        if truth.isComplete, strikes(.unreadableRows) {
            truth.hasUnreadable = true
            rows[dice.draw(0...rows.count - 1)] = false
            truth.members = rows
        }
        return Reading(truth: truth, rows: rows, duration: strikes(.slowSource) ? dice.span(1_000...1_200_000) : 300)
    }

    func membersNow(_ sync: Int) -> [Bool] { members[sync] }

    // MARK: - Processes

    func startProcess() {
        guard lockHolder == nil || mutation == .twoEnginesNoLock else { return }
        let process = EngineProcess(number: nextProcess, world: self)
        nextProcess += 1
        lockHolder = process.number
        processes.append(process)
        tell("start \(process.number)")
        process.start()
    }

    /// The process is gone between two instructions.
    func kill(_ process: EngineProcess) {
        guard process.isAlive else { return }
        tell("kill \(process.number)")
        faults.note(.kill)
        if openCommits > 0 { faults.note(.killWithCommit) }
        if process.underWay.contains(where: { !$0.flights.isEmpty }) { faults.note(.killWithFlight) }
        if planning > 0 { faults.note(.killWhilePlanning) }
        openCommits = 0
        planning = 0
        process.isAlive = false
        for run in process.underWay {
            for messages in run.flights.values { oracle.lost(messages, at: time) }
        }
        oracle.died(process.number)
        processes.removeAll { $0 === process }
        if lockHolder == process.number, mutation != .lockNotCloexec { lockHolder = nil }
    }

    func jump(by milliseconds: Int64) {
        skew += milliseconds
        tell("clock moved by \(milliseconds)")
        for process in processes {
            queue.put(at: time + 1_000, in: process) { process.noticeJump() }
        }
    }

    func setConfigured(_ sync: Int, _ isConfigured: Bool) {
        self.isConfigured[sync] = isConfigured
        tell("sync \(sync) configured: \(isConfigured)")
        for process in processes { process.reconfigured(sync) }
    }

    // MARK: - An older disk

    func keepOlderImage() {
        if damagedLedgers == 0 { older = (time, disk) }
    }

    /// Puts an older state back under a dead process, as a backup or a machine's snapshot would.
    func rewind() -> Bool {
        guard let older else { return false }
        oracle.rewound(to: older.at, users: weather.users, syncs: weather.syncs, runs: Int64(older.image.runs.count))
        // Digests stay unique, or a file from before would pass for one that is written now.
        let nextDigest = disk.nextDigest
        disk = older.image
        disk.nextDigest = nextDigest
        damagedLedgers = 0
        rewinds += 1
        tell("disk put back to \(older.at)")
        return true
    }
}

extension FaultCounts {
    mutating func note(_ kind: FaultKind, times: Int) {
        for _ in 0..<times { note(kind) }
    }
}
