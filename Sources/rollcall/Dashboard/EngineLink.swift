import Control
import Dashboard
import Glibc
import Scheduling
import SyncEngine
import Synchronization

/// The dashboard's connection to an engine: the one in this process, or the one that serves the workspace. When that goes
/// away it is waited for, with growing pauses; the dashboard never takes its place by itself.
final class EngineLink: Sendable {
    private let host: DashboardHost
    private let current: Mutex<(any ControlService)?>
    /// Finds the engine of another process anew; nil when the engine lives in this one.
    private let find: (@Sendable () async -> (any ControlService)?)?
    /// Whether the first control only looks at the workspace's state, until an engine serves it.
    private let beginsLooking: Bool

    /// The longest pause between two attempts to reach an engine that went away, in milliseconds.
    static let longestPause: Int64 = 15_000
    /// How often a silent engine is asked whether it is there, and how long it may take to answer, in milliseconds.
    static let heartbeat: Int64 = 10_000
    static let patience: Int64 = 3_000

    init(
        host: DashboardHost, control: (any ControlService)?, beginsLooking: Bool = false,
        find: (@Sendable () async -> (any ControlService)?)?
    ) {
        self.host = host
        self.beginsLooking = beginsLooking
        current = Mutex(control)
        self.find = find
    }

    /// The engine, while there is one.
    var control: (any ControlService)? { current.withLock { $0 } }

    /// Takes another engine of this process in place of the one before.
    func replace(_ control: any ControlService) {
        current.withLock { $0 = control }
        host.send(.connection(.connecting))
        Task { _ = await watch(control) }
    }

    /// Follows the engine until the task is cancelled, or for an engine in this process until it ends.
    func follow() async {
        if beginsLooking, let observer = control { await look(by: observer) }
        var attempt = 0
        var since = host.clock.now()
        while !Task.isCancelled {
            var service = control
            if service == nil { service = await find?() }
            if let service, await watch(service) {
                attempt = 0
                since = host.clock.now()
            }
            guard find != nil, !Task.isCancelled else { return }
            current.withLock { $0 = nil }
            attempt += 1
            let pause = min(Self.longestPause, 500 << min(attempt - 1, 5))
            host.send(.connection(.reconnecting(
                attempt: attempt, retryAt: host.clock.now().advanced(milliseconds: pause), since: since)))
            try? await Task.sleep(nanoseconds: UInt64(pause) * 1_000_000)
        }
    }

    /// How often an engine is looked for while none has served yet, in milliseconds.
    private static let lookInterval: UInt64 = 1_000

    /// Shows what the workspace's state says until an engine serves it.
    private func look(by observer: any ControlService) async {
        let looking = Task { _ = await watch(observer) }
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: Self.lookInterval * 1_000_000)
            guard !Task.isCancelled, let service = await find?() else { continue }
            current.withLock { $0 = service }
            break
        }
        looking.cancel()
        await looking.value
        // What the engine tells is asked for anew.
        if !Task.isCancelled { host.send(.connection(.connecting)) }
    }

    /// Hands on what the engine tells, until it goes away.
    /// - Returns: whether it was there at all.
    private func watch(_ service: any ControlService) async -> Bool {
        guard let changes = try? await service.changes() else { return false }
        var isLive = false
        let pulse = Mutex<Task<Void, Never>?>(nil)
        defer { pulse.withLock { $0 }?.cancel() }
        for await batch in changes {
            if isLive {
                host.receive(batch)
                continue
            }
            // The first notice says that from here on nothing is missed; so what was before is asked for.
            isLive = true
            current.withLock { $0 = service }
            host.send(.connection(.live))
            host.receive(batch)
            if find != nil { pulse.withLock { $0 = Task { await self.beat(service) } } }
        }
        return isLive
    }

    /// Asks now and then whether the engine still answers, since a stopped process keeps its connections.
    private func beat(_ service: any ControlService) async {
        var isSilent = false
        var heard = host.clock.now()
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: UInt64(Self.heartbeat) * 1_000_000)
            if Task.isCancelled { return }
            if await answers(service) {
                heard = host.clock.now()
                if isSilent { host.send(.connection(.live)) }
                isSilent = false
            } else if !Task.isCancelled {
                isSilent = true
                host.send(.connection(.stale(since: heard)))
            }
        }
    }

    private func answers(_ service: any ControlService) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await service.engine()) != nil }
            group.addTask {
                try? await Task.sleep(nanoseconds: UInt64(Self.patience) * 1_000_000)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
