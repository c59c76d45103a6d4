import Scheduling
import SyncEngine

/// One history from its seed: a safety phase full of faults, then a liveness phase in which everything heals and must
/// converge.
package struct History: Sendable {
    package var seed: UInt64
    package let size: HistorySize
    /// What was wrong; nil when nothing was.
    package private(set) var breach: String?
    package private(set) var faults = FaultCounts()
    package private(set) var requests = 0
    package private(set) var checks = 0
    package private(set) var runs = 0

    /// - Parameters:
    ///   - schedule: every 15 minutes, parsed once for all histories.
    ///   - trace: is told each step, for a person.
    package init(
        seed: UInt64, size: HistorySize = .small, mutation: Mutation? = nil, schedule: Schedule,
        trace: ((String) -> Void)? = nil
    ) {
        self.seed = seed
        self.size = size
        let world = World(seed: seed, size: size, mutation: mutation, schedule: schedule, trace: trace)
        world.startProcess()
        Disturbance(world).play()
        if world.oracle.breach == nil { Recovery(world).play() }
        breach = world.oracle.breach
        faults = world.faults
        requests = world.oracle.launches
        checks = world.oracle.checks
        runs = world.disk.runs.count
        world.queue = EventQueue()
    }
}

/// The safety phase: one round an interval, faults at random moments in it.
private struct Disturbance {
    let world: World

    init(_ world: World) {
        self.world = world
    }

    func play() {
        for round in 0..<world.weather.rounds {
            let end = Int64(round + 1) * Weather.interval
            for sync in 0..<world.weather.syncs { at(end) { world.churn(sync) } }
            drawProcessFaults(end)
            drawDiskFaults(end)
            drawClockFaults(end)
            drawPeople(end)
            if strikes(.outage) {
                let length = world.dice.span(1_000...Weather.interval * 2)
                at(end) { world.outageUntil = world.queueTime + length }
            }
            world.play(until: end)
            if world.oracle.breach != nil { return }
        }
    }

    private func strikes(_ kind: FaultKind) -> Bool { world.strikes(kind) }

    /// At a random moment before `end`; near the start of the round, when most is going on, more often than not.
    private func at(_ end: Int64, _ action: @escaping () -> Void) {
        let start = end - Weather.interval
        let offset = world.dice.chance(600) ? world.dice.span(0...4_000) : world.dice.span(0...Weather.interval - 1)
        world.queue.put(at: start + offset, in: nil, action)
    }

    private func drawProcessFaults(_ end: Int64) {
        if world.dice.chance(world.weather.rate(.kill) * 3) {
            let absence = world.dice.chance(700)
                ? world.dice.span(0...5_000) : world.dice.span(0...Weather.interval * 4)
            at(end) {
                for process in world.processes { world.kill(process) }
                world.queue.put(at: world.queueTime + absence, in: nil) { world.startProcess() }
            }
        }
        if strikes(.pause) {
            let length = world.dice.span(1_000...Weather.interval * 3)
            at(end) { for process in world.processes { process.pausedUntil = world.queueTime + length } }
        }
        if strikes(.secondEngine) { at(end) { world.startProcess() } }
    }

    private func drawDiskFaults(_ end: Int64) {
        if strikes(.diskFull) {
            let length = world.dice.span(1_000...Weather.interval * 2)
            at(end) { world.diskFullUntil = world.queueTime + length }
        }
        if world.dice.chance(world.weather.rate(.staleLedger)) { at(end) { damageLedger() } }
        if world.dice.chance(300) { at(end) { world.keepOlderImage() } }
        if world.dice.chance(world.weather.rate(.rewind) / 3) {
            at(end) {
                for process in world.processes { world.kill(process) }
                if world.rewind() { _ = world.note(.rewind) }
                world.queue.put(at: world.queueTime + 1_000, in: nil) { world.startProcess() }
            }
        }
    }

    /// An older ledger lies in the place of the current one until somebody puts the right one back.
    private func damageLedger() {
        let sync = world.dice.draw(0...world.weather.syncs - 1)
        guard let reference = world.disk.states[sync].ledger, let right = world.disk.ledgers[reference.file],
            String(right.digest) == reference.digest,
            let wrong = world.disk.ledgers.filter({ $0.value.digest < right.digest }).max(by: {
                $0.value.digest < $1.value.digest
            })?.value
        else { return }
        _ = world.note(.staleLedger)
        let (file, rewinds) = (reference.file, world.rewinds)
        world.disk.ledgers[file] = wrong
        world.damagedLedgers += 1
        world.queue.put(at: world.queueTime + world.dice.span(1_000...Weather.interval * 2), in: nil) {
            // What was put back since was whole.
            guard world.rewinds == rewinds else { return }
            world.damagedLedgers -= 1
            if world.disk.ledgers[file]?.digest == wrong.digest { world.disk.ledgers[file] = right }
        }
    }

    private func drawClockFaults(_ end: Int64) {
        // A plain receiver's opposite changes wait by the civil clock: setting it is outside the promise.
        guard world.weather.receiver != .plain else { return }
        if strikes(.clockBack) {
            let jump = world.dice.span(1_000...7_200_000)
            at(end) { world.jump(by: -jump) }
        }
        if strikes(.clockForward) {
            let jump = world.dice.span(1_000...10_800_000)
            at(end) { world.jump(by: jump) }
        }
        let year: Int64 = 31_536_000_000
        if world.dice.chance(world.weather.rate(.clockFarForward) / 3), world.note(.clockFarForward) {
            farAndBack(end, by: world.dice.span(1...70) * year)
        }
        if world.dice.chance(world.weather.rate(.clockFarBack) / 3), world.note(.clockFarBack) {
            farAndBack(end, by: -world.dice.span(1...10) * year)
        }
    }

    private func farAndBack(_ end: Int64, by jump: Int64) {
        let length = world.dice.span(2_000...Weather.interval * 2)
        at(end) {
            world.jump(by: jump)
            world.queue.put(at: world.queueTime + length, in: nil) {
                if !world.weather.isCalm { world.jump(by: -jump) }
            }
        }
    }

    private func drawPeople(_ end: Int64) {
        let sync = world.dice.draw(0...world.weather.syncs - 1)
        act(.cancel, end) { $0.cancel(sync, "a person") }
        act(.manualRun, end) { $0.startByHand(sync) }
        act(.fullRun, end) { $0.startByHand(sync, mode: .full) }
        act(.unblock, end) { $0.unblock() }
        if world.dice.chance(world.weather.rate(.approve) * 4) { at(end) { approve(sync) } }
        if world.dice.chance(world.weather.rate(.approveNamed) * 4) { at(end) { approveNamed(sync) } }
        if world.dice.chance(world.weather.rate(.discard) * 2) { at(end) { discard(sync) } }
        if world.dice.chance(world.weather.rate(.dismiss) * 3) { at(end) { dismiss(sync) } }
        if world.dice.chance(world.weather.rate(.undo)) { at(end) { undo(sync) } }
        if world.dice.chance(world.weather.rate(.retire) / 2) { at(end) { retire(sync) } }
        if world.dice.chance(world.weather.rate(.rename) / 2), world.note(.rename) { at(end) { world.rename(sync) } }
        if world.dice.chance(world.weather.rate(.migrate)) { at(end) { migrate(sync) } }
        if world.dice.chance(world.weather.rate(.approveLeaves) * 3) { at(end) { approveLeaves(sync) } }
        if strikes(.freeze) {
            let length = world.dice.span(1_000...Weather.interval * 2)
            at(end) {
                for process in world.processes { process.setFrozen(true) }
                world.queue.put(at: world.queueTime + length, in: nil) {
                    for process in world.processes { process.setFrozen(false) }
                    if world.processes.isEmpty { world.disk.isFrozen = false }
                }
            }
        }
        if strikes(.removeSync) {
            let length = world.dice.span(1_000...Weather.interval * 3)
            at(end) {
                world.setConfigured(sync, false)
                world.queue.put(at: world.queueTime + length, in: nil) { world.setConfigured(sync, true) }
            }
        }
    }

    private func act(_ kind: FaultKind, _ end: Int64, _ action: @escaping (EngineProcess) -> Void) {
        guard world.strikes(kind) else { return }
        at(end) { if let process = world.awake { action(process) } }
    }

    private func approve(_ sync: Int) {
        guard let process = world.awake, process.held[sync] != nil else { return }
        _ = world.note(.approve)
        process.approve(sync)
    }

    /// A person looked at a held plan and asks for exactly that one, whatever the source says by now.
    private func approveNamed(_ sync: Int) {
        guard let process = world.awake, let hash = process.held[sync]?.plan?.hash else { return }
        _ = world.note(.approveNamed)
        process.startByHand(sync, approvedHash: hash)
    }

    private func discard(_ sync: Int) {
        guard let process = world.awake, process.held[sync] != nil else { return }
        _ = world.note(.discard)
        process.discard(sync)
    }

    private func dismiss(_ sync: Int) {
        // What was planned before is sent as it was approved; only the next plan leaves the member out.
        let isPlanned = world.disk.unfinished.contains { world.disk.run($0)?.sync == sync }
        guard let process = world.awake, process.active[sync] == nil, process.held[sync] == nil, !isPlanned,
            let index = world.disk.rejects[sync].indices.first else { return }
        _ = world.note(.dismiss)
        world.disk.rejects[sync][index].isDismissed = true
        let reject = world.disk.rejects[sync][index]
        world.oracle.dismiss(reject.user, reject.entered, audience: sync * 2 + world.toldTrait(of: sync))
    }

    /// Takes a run back, mostly the last one that told anybody anything; whoever asks for it often approves it soon.
    private func undo(_ sync: Int) {
        let told = world.disk.runs.filter { $0.sync == sync && $0.record.delivery.accepted > 0 }
        guard let last = told.last, let process = world.awake, !process.isFrozen else { return }
        let target = world.dice.chance(700) ? last : told[world.dice.draw(0...told.count - 1)]
        guard process.undo(target) else { return }
        _ = world.note(.undo)
        approveSoon(sync)
    }

    private func retire(_ sync: Int) {
        guard let process = world.awake, !process.isFrozen, process.retire(sync) else { return }
        _ = world.note(.retire)
        approveSoon(sync)
    }

    /// Whoever gives a cohort another trait may want to move its members; where nobody did, this does both.
    private func migrate(_ sync: Int) {
        guard let process = world.awake, !process.isFrozen else { return }
        if !process.migrate(sync) {
            world.rename(sync)
            guard process.migrate(sync) else { return }
        }
        _ = world.note(.migrate)
        approveSoon(sync)
    }

    private func approveSoon(_ sync: Int) {
        guard world.dice.chance(700) else { return }
        world.queue.put(at: world.queueTime + world.dice.span(100...60_000), in: nil) { approve(sync) }
    }

    private func approveLeaves(_ sync: Int) {
        guard let process = world.awake, !process.isFrozen, process.active[sync] == nil else { return }
        let latest = world.disk.latest(of: sync)?.record
        guard let latest, latest.phase == .finished, (latest.plan?.withheld ?? 0) > 0 else { return }
        _ = world.note(.approveLeaves)
        process.approveLeaves(of: latest, sync)
    }
}

/// The liveness phase: nothing fails any more, somebody looks after what waits for a person, and within two hours the
/// receiver must hold exactly what the sources say.
private struct Recovery {
    let world: World

    init(_ world: World) {
        self.world = world
    }

    func play() {
        world.weather.isCalm = true
        world.tell("calm")
        world.outageUntil = 0
        world.diskFullUntil = 0
        world.receiver.poison = []
        world.receiver.picky = []
        let start = world.time
        if world.skew != 0 { world.jump(by: -world.skew) }
        if world.processes.isEmpty { world.startProcess() }
        for sync in 0..<world.weather.syncs where !world.isConfigured[sync] { world.setConfigured(sync, true) }
        for process in world.processes where process.isFrozen { process.setFrozen(false) }
        for round in 1...8 {
            lookAfter()
            if round == 5, difference != nil { runWhatRanTooEarly() }
            world.play(until: start + Int64(round) * Weather.interval)
            if world.oracle.breach != nil { return }
            if round >= 5, isSettled { break }
        }
        judge()
    }

    /// A blocked destination is tried again; what is held is replaced by a fresh plan, and that is approved.
    private func lookAfter() {
        guard let process = world.awake else { return }
        for sync in 0..<world.weather.syncs {
            if let held = process.held[sync] {
                let isTrue = world.disk.run(held.id.number)?.plan?.snapshot == world.membersNow(sync)
                if isTrue { process.approve(sync) } else { process.startByHand(sync) }
            } else if process.gate.blockedReason != nil {
                process.startByHand(sync)
            }
        }
    }

    /// An occurrence that ran while the clock was ahead does not run again; somebody who corrects a clock asks for a run.
    private func runWhatRanTooEarly() {
        let newest = world.civil.milliseconds - world.civil.milliseconds % Weather.interval
        for sync in 0..<world.weather.syncs where hadFutureClock && world.disk.occurrences[sync].contains(newest) {
            world.awake?.startByHand(sync)
        }
    }

    private var hadFutureClock: Bool { world.faults[.clockForward] > 0 || world.faults[.clockBack] > 0 }

    private var isSettled: Bool {
        world.processes.allSatisfy { $0.underWay.isEmpty && $0.queue.isEmpty } && difference == nil
    }

    /// The first difference between the receiver and the sources that nothing excuses.
    private var difference: String? {
        for sync in 0..<world.weather.syncs {
            let members = world.membersNow(sync)
            for (trait, user) in (0..<2).flatMap({ trait in (0..<world.weather.users).map { (trait, $0) } }) {
                let audience = sync * 2 + trait
                let told = world.receiver.truth[audience][user] ?? false
                // On a trait that was migrated from nobody is a member any more.
                let isMember = trait == world.toldTrait(of: sync) && members[user]
                guard told != isMember, !world.unwordable.contains(user) else { continue }
                let isDismissed = world.disk.rejects[sync].contains { $0.user == user && $0.isDismissed }
                if isDismissed || world.oracle.forgotten.contains(audience * world.weather.users + user) { continue }
                return "user \(user) of sync \(sync) is told \(told) on trait \(trait) and is \(isMember)"
            }
        }
        return nil
    }

    private func judge() {
        world.oracle.require(world.processes.contains { $0.isAlive }, "L-4: no engine could start")
        if let difference { world.oracle.report("I-1, L-1: \(difference) after two calm hours") }
        for sync in 0..<world.weather.syncs {
            let newest = world.civil.milliseconds - world.civil.milliseconds % Weather.interval
            // While the clock was wrong, occurrences may have run that were still to come.
            let decided = (0..<3).contains { world.disk.occurrences[sync].contains(newest - $0 * Weather.interval) }
            if decided { continue }
            let last = world.disk.runs.last { $0.sync == sync && $0.record.phase == .finished }?.record.finishedAt
            let age = last.map { world.civil.milliseconds(since: $0) } ?? .max
            world.oracle.require(abs(age) <= Weather.interval * 3, "L-2: sync \(sync) has not run for \(age) ms")
        }
    }
}

extension World {
    /// True time as actions see it.
    var queueTime: Int64 { time }

    /// A process that can be asked for something now.
    var awake: EngineProcess? { processes.first { $0.isAlive && $0.pausedUntil <= time } }
}
