import Scheduling

/// Judges every sync and destination every few seconds and has told what is to be told. It only reads from the engine;
/// telling happens on tasks of its own, so that no run ever waits for it.
package actor AlertWatch {
    private let engine: Engine
    private let context: EngineContext
    private let store: any AlertStore
    private var policy: AlertPolicy
    private var channels: [any AlertChannel]
    private var machines: [String: AlertMachine] = [:]
    private var isLoaded = false
    private var isStopped = false
    /// Channels that are being told just now, and those that wait after a failure: until when, and how often it failed.
    private var busy: Set<String> = []
    private var failures: [String: (again: Int64, count: Int)] = [:]

    /// How often it looks, in milliseconds.
    private static let interval: Int64 = 2_000
    /// Messages told at once, and the age at which one that cannot be told is given up, in milliseconds.
    private static let atOnce = 20
    private static let oldest: Int64 = 86_400_000

    package init(engine: Engine, store: any AlertStore, policy: AlertPolicy, channels: [any AlertChannel]) {
        self.engine = engine
        self.store = store
        self.policy = policy
        self.channels = channels
        context = engine.context
    }

    /// Takes over another configuration.
    package func configure(_ policy: AlertPolicy, channels: [any AlertChannel]) {
        self.policy = policy
        self.channels = channels
        failures = [:]
    }

    package func stop() { isStopped = true }

    /// Looks until `stop`.
    package func run() async {
        while !isStopped, !Task.isCancelled {
            await look()
            await context.clock.sleep(until: context.clock.monotonic() + Self.interval)
        }
    }

    /// Judges everything once and starts telling.
    package func look() async {
        guard !channels.isEmpty else { return }
        do throws(StoreError) {
            if !isLoaded {
                machines = try await store.alertMachines()
                isLoaded = true
            }
            if !(await engine.isFrozen) { try await judge() }
            try await tell()
        } catch {
            context.log("alerts: \(error.message)", .error)
        }
    }

    // MARK: - Judging

    private func judge() async throws(StoreError) {
        var changed: [String: AlertMachine] = [:]
        var messages: [AlertMessage] = []
        let (facts, blocked) = try await engine.takeAlertFacts()
        let now = context.clock.now()
        func observe(
            _ subject: String, _ state: AlertState, sync: SyncID?, destination: String, isMuted: Bool, lastGood: Instant?
        ) {
            let before = changed[subject] ?? machines[subject]
            var machine = before ?? AlertMachine(followedSince: now)
            machine.lastGood = lastGood ?? machine.lastGood
            if let told = machine.observe(state.event, at: now, policy: policy, isMuted: isMuted),
                policy.events.contains(told.event) {
                messages.append(AlertMessage(
                    event: told.event, previous: told.previous, sync: sync?.description, destination: destination,
                    detail: state.detail, run: state.run?.description, at: now, since: machine.since))
            }
            if machine != before { changed[subject] = machine }
        }
        for fact in facts {
            let subject = fact.sync.description
            for moment in fact.moments {
                let known = changed[subject] ?? machines[subject]
                let good = moment.judged.flatMap { $0.outcome == .failed ? nil : $0.finishedAt }
                let state = moment.state(
                    policy: policy, lastGood: good ?? known?.lastGood, since: known?.followedSince ?? now, now: now)
                guard let state else { continue }
                observe(
                    subject, state, sync: fact.sync, destination: fact.sync.destination,
                    isMuted: policy.isMuted(fact.sync.cohort, at: now), lastGood: good)
            }
        }
        for (destination, reason) in blocked.sorted(by: { $0.key < $1.key }) {
            let state = policy.events.contains(.blocked) && reason != nil
                ? AlertState(.blocked, reason ?? "") : AlertState(nil, "takes requests again")
            observe(
                "@" + destination, state, sync: nil, destination: destination, isMuted: false,
                lastGood: nil)
        }
        guard !changed.isEmpty || !messages.isEmpty else { return }
        try await store.saveAlerts(changed, messages: messages, channels: channels.map(\.key))
        machines.merge(changed) { $1 }
        for message in messages { context.log("alert: \(message.line)", .warning) }
    }

    // MARK: - Telling

    private func tell() async throws(StoreError) {
        let pending = try await store.pendingAlerts(limit: 1_000)
        guard !pending.isEmpty else { return }
        let now = context.clock.now()
        let known = Dictionary(channels.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let lost = pending.filter { known[$0.channel] == nil || now.milliseconds(since: $0.message.at) > Self.oldest }
        if !lost.isEmpty {
            for alert in lost { context.log("alert given up on \(alert.channel): \(alert.message.line)", .warning) }
            try await store.removeAlerts(lost.map(\.id))
        }
        let gone = Set(lost.map(\.id))
        for (key, alerts) in Dictionary(grouping: pending.filter { !gone.contains($0.id) }, by: \.channel) {
            guard let channel = known[key], !busy.contains(key),
                context.clock.monotonic() >= failures[key]?.again ?? 0
            else { continue }
            busy.insert(key)
            let batch = Array(alerts.prefix(Self.atOnce))
            Task {
                let outcome = await channel.deliver(batch.map(\.message))
                await ended(key, batch, outcome)
            }
        }
    }

    private func ended(_ key: String, _ batch: [PendingAlert], _ outcome: AlertDelivery) async {
        switch outcome {
        case .delivered:
            failures[key] = nil
            do throws(StoreError) {
                try await store.removeAlerts(batch.map(\.id))
            } catch {
                // Told twice rather than never.
                context.log("alerts: \(error.message)", .error)
            }
        case .failed(let reason):
            let count = (failures[key]?.count ?? 0) + 1
            let pause = min(Int64(5_000) << Int64(min(count - 1, 9)), 1_800_000)
            failures[key] = (context.clock.monotonic() + pause, count)
            context.log("alert channel \(key): \(reason); again in \(pause / 1000) s", .warning)
        }
        busy.remove(key)
    }
}
