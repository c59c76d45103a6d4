import Control
import Dashboard
import DashboardTerminal
import Scheduling
import SyncEngine
import Synchronization

/// Where the dashboard's model lives: takes in what happens from any thread, one thing at a time, hands out what the
/// outside has to do, and paints.
///
/// A key is handled and painted on the terminal's own thread, so that its answer never waits for anything else; notices of
/// the engine are gathered and painted at most every ``frameInterval`` while many come, and soon while few do.
final class DashboardHost: Sendable {
    /// How a dashboard ends.
    enum Ending: Sendable, Equatable {
        case quit
        /// The terminal is gone, exit 129.
        case hungUp
        /// A signal's number.
        case stopped(Int32)
        /// It could not go on: an exit code and why.
        case failed(Int32, String)
    }

    private struct State {
        var model: DashboardModel
        /// As they came, so that none is moved again.
        var batches: [[ChangeNotice]] = []
        var plain: PlainLines?
        var ending: Ending?
    }

    let clock: any EngineClock
    /// How many times faster than life the clock goes.
    private let speed: Int64
    /// The least time between two frames that no key asked for, in milliseconds.
    private let frameInterval: Int64
    /// The size of a screen that is on no terminal.
    private let size: (width: Int, height: Int)
    private let state: Mutex<State>
    private let session = Mutex<TerminalSession?>(nil)
    private let performer = Mutex<EffectPerformer?>(nil)
    private let doorbell: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let end: (stream: AsyncStream<Ending>, continuation: AsyncStream<Ending>.Continuation)

    init(
        options: DashboardOptions, clock: any EngineClock, speed: Int = 1, frameInterval: Int64 = 100,
        size: (width: Int, height: Int) = (80, 24), plain: PlainLines? = nil
    ) {
        self.clock = clock
        self.speed = Int64(speed)
        self.frameInterval = frameInterval
        self.size = size
        state = Mutex(State(model: DashboardModel(options: options, now: clock.now()), plain: plain))
        doorbell = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        end = AsyncStream.makeStream(of: Ending.self)
        state.withLock { _ = $0.model.update(.input(.resized(width: size.width, height: size.height))) }
    }

    /// Who carries out effects; set once, before anything happens.
    func adopt(_ performer: EffectPerformer) {
        self.performer.withLock { $0 = performer }
    }

    /// The terminal to paint on; set once.
    func adopt(_ session: TerminalSession) {
        self.session.withLock { $0 = session }
        let size = session.size
        perform(state.withLock { $0.model.update(.input(.resized(width: size.width, height: size.height))) })
        paint()
    }

    var terminal: TerminalSession? { session.withLock { $0 } }

    // MARK: - What happens

    /// Takes in one message; the screen follows soon.
    func send(_ message: Message) {
        let now = clock.now()
        let (effects, lines) = state.withLock { state in
            let effects = state.model.update(.tick(now: now)) + state.model.update(message)
            return (effects, Self.lines(of: message, &state, now))
        }
        print(lines)
        perform(effects)
        doorbell.continuation.yield()
    }

    /// Takes in changes of the engine; they are handled with their neighbours before the next frame.
    func receive(_ notices: [ChangeNotice]) {
        let isFirst = state.withLock { state in
            defer { state.batches.append(notices) }
            return state.batches.isEmpty
        }
        if isFirst { doorbell.continuation.yield() }
    }

    /// Changes the model by something that is no message, such as a step of a script.
    func change<Result: Sendable>(_ body: @Sendable (inout DashboardModel) -> (Result, [Effect])) -> Result {
        let now = clock.now()
        let (result, effects) = state.withLock { state in
            var effects = state.model.update(.tick(now: now))
            let (result, more) = body(&state.model)
            effects += more
            return (result, effects)
        }
        perform(effects)
        doorbell.continuation.yield()
        return result
    }

    private static func lines(of message: Message, _ state: inout State, _ now: Instant) -> [String] {
        state.plain?.lines(for: message, now: now) ?? []
    }

    private func print(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        lines.forEach(Output.line)
        Output.flush()
    }

    // MARK: - The terminal

    /// What the terminal tells, on its own thread.
    func take(_ event: TerminalEvent) {
        switch event {
        case .input(let input): answer(.input(input))
        case .timer: answer(nil)
        case .diagnostics(let line):
            send(.logLines([LogLine(at: clock.now(), level: .warning, source: "stderr", text: line)]))
        case .resumed: paint()
        case .hangup: finish(.hungUp)
        }
    }

    /// Handles and paints at once.
    private func answer(_ message: Message?) {
        let now = clock.now()
        let effects = state.withLock { state in
            var effects = state.model.update(.tick(now: now))
            if let message { effects += state.model.update(message) }
            return effects
        }
        paint()
        perform(effects)
    }

    // MARK: - Effects

    /// Asks for what the dashboard opens with.
    func start() {
        perform(state.withLock { $0.model.start() })
    }

    private func perform(_ effects: [Effect]) {
        guard !effects.isEmpty else { return }
        let performer = performer.withLock { $0 }
        for effect in effects {
            if effect == .quit {
                finish(.quit)
            } else {
                performer?.perform(effect)
            }
        }
    }

    func finish(_ ending: Ending) {
        let isFirst = state.withLock { state in
            guard state.ending == nil else { return false }
            state.ending = ending
            return true
        }
        guard isFirst else { return }
        end.continuation.yield(ending)
        end.continuation.finish()
    }

    // MARK: - Painting

    /// Whether the engine has answered everything that the dashboard asked.
    var isSettled: Bool { state.withLock { $0.model.isSettled } }

    /// Whether everything that the dashboard decided has been carried out.
    var isIdle: Bool {
        let performer = performer.withLock { $0 }
        return performer?.isIdle ?? true
    }

    /// The screen as it would be painted now.
    func frame() -> Frame {
        let size = terminal?.size ?? size
        return state.withLock { present($0.model, width: size.width, height: size.height) }
    }

    /// Paints what has changed, until the dashboard ends; returns how it did.
    func run() async -> Ending {
        let painting = Task {
            var frames = 0
            for await _ in doorbell.stream {
                let isFlooded = takeNotices() > Self.flood
                paint()
                frames += 1
                if frames < Self.firstFrames { continue }
                let pause = isFlooded ? max(frameInterval, Self.floodPause)
                    : frameInterval > 100 ? frameInterval : Self.shortPause
                try? await Task.sleep(nanoseconds: UInt64(pause) * 1_000_000)
            }
        }
        defer { painting.cancel() }
        for await ending in end.stream { return ending }
        return .quit
    }

    /// More notices than this in one frame are a flood.
    private static let flood = 100
    /// The least time between two frames of a flood, in milliseconds: eight a second are more than anybody reads.
    private static let floodPause: Int64 = 125
    /// The least time between two frames otherwise, in milliseconds.
    private static let shortPause: Int64 = 20
    /// The first frames are waited for, so they come as fast as the engine answers.
    private static let firstFrames = 8

    /// - Returns: how many there were.
    private func takeNotices() -> Int {
        let now = clock.now()
        let (effects, lines, count): ([Effect], [String], Int) = state.withLock { state in
            let effects = state.model.update(.tick(now: now))
            let batches = state.batches
            state.batches = []
            return batches.reduce(into: (effects, [], 0)) { result, notices in
                result.0 += state.model.update(.notices(notices))
                result.1 += Self.lines(of: .notices(notices), &state, now)
                result.2 += notices.count
            }
        }
        print(lines)
        perform(effects)
        return count
    }

    private func paint() {
        guard let terminal else { return }
        let size = terminal.size
        let now = clock.now()
        let drawn = state.withLock { presentation($0.model, width: size.width, height: size.height) }
        terminal.present(drawn.frame)
        var delay: Swift.Duration?
        if let change = drawn.nextChange {
            // A clock that runs faster than life would count down in every frame.
            delay = .milliseconds(max(speed > 1 ? 200 : 1, (change.milliseconds - now.milliseconds) / speed + 1))
        }
        terminal.setTimer(after: delay)
    }
}
