import Control
import Dashboard
import DashboardTerminal
import Glibc
import Scheduling
import SyncEngine

/// One dashboard from its first screen to its exit code.
struct DashboardSession {
    enum Mode {
        case screen
        /// One line a change on standard output.
        case plain
        /// No terminal: plays a script at a size.
        case script(Script, size: (width: Int, height: Int))
    }

    let location: WorkspaceLocation
    let mode: Mode
    var options: DashboardOptions
    let clock: any EngineClock
    /// How many times faster than life the clock goes.
    let speed: Int
    /// Where screens are saved; nil for the state folder.
    let dumps: String?
    let isASCII: Bool
    let isSlow: Bool

    /// Whether there is somebody to show a screen to.
    static var hasTerminal: Bool {
        guard isatty(STDOUT_FILENO) == 1 else { return false }
        if isatty(STDIN_FILENO) == 1 { return true }
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        if terminal >= 0 { close(terminal) }
        return terminal >= 0
    }

    /// Shows the dashboard until it is left.
    /// - Parameter connect: finds or starts the engine, once the first screen is painted.
    /// - Returns: the exit code of PRODUCT.md §3.
    func run(_ connect: @Sendable @escaping (DashboardHost) async throws -> EngineConnection) async throws -> Int32 {
        var options = options
        options.isASCII = isASCII || options.isASCII
        let host = host(options)
        let files = WorkspaceFiles(location: location, dumps: dumps)
        Signals.handle { number in
            host.terminal?.close()
            host.finish(.stopped(number))
        }
        if isScreen { host.adopt(try Self.openTerminal(host, options)) }
        defer { host.terminal?.close() }
        let connection: EngineConnection
        do {
            connection = try await connect(host)
        } catch {
            host.terminal?.close()
            throw error
        }
        if connection.isHosting { host.send(.hosting) }
        let performer = EffectPerformer(host: host, link: connection.link, files: files)
        host.adopt(performer)
        host.start()
        WorkspaceWatch(host: host, files: files, performer: performer).start()
        let following = Task { await connection.link.follow() }
        let ending: DashboardHost.Ending
        if case .script(let script, _) = mode {
            let playing = Task {
                do throws(Failure) {
                    try await ScriptRun(host: host, files: files, script: script).play()
                    host.finish(.quit)
                } catch {
                    host.finish(.failed(error.code, error.message))
                }
            }
            ending = await host.run()
            playing.cancel()
        } else {
            ending = await host.run()
        }
        host.terminal?.close()
        following.cancel()
        await connection.close()
        return try Self.code(of: ending)
    }

    private var isScreen: Bool { if case .screen = mode { true } else { false } }

    private func host(_ options: DashboardOptions) -> DashboardHost {
        var plain: PlainLines?
        var size = (width: 80, height: 24)
        switch mode {
        case .screen: break
        case .plain: plain = PlainLines(zone: options.zone, isASCII: options.isASCII)
        case .script(_, let wanted): size = wanted
        }
        return DashboardHost(
            options: options, clock: clock, speed: speed, frameInterval: isSlow ? 200 : 100, size: size, plain: plain)
    }

    private static func openTerminal(_ host: DashboardHost, _ options: DashboardOptions) throws(Failure) -> TerminalSession {
        var terminal = TerminalOptions()
        terminal.mouse = options.isMouseOn
        terminal.receive = { [weak host] event in host?.take(event) }
        // The size is the terminal's own, whatever the environment says.
        unsetenv("LINES")
        unsetenv("COLUMNS")
        do throws(TerminalError) {
            return try TerminalSession.open(options: terminal)
        } catch {
            switch error {
            case .noTerminal, .failed: throw Failure(1, error.description)
            case .unusable: throw Failure(69, error.description)
            }
        }
    }

    private static func code(of ending: DashboardHost.Ending) throws(Failure) -> Int32 {
        switch ending {
        case .quit: return 0
        case .hungUp: return 129
        case .stopped(let number): return 128 + number
        case .failed(let code, let message): throw Failure(code, message)
        }
    }
}
