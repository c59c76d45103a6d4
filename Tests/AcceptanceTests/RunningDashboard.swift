import Glibc
import Testing

@testable import TerminalHarness

/// The real program's dashboard of a workspace, on a terminal of its own.
final class RunningDashboard {
    let pty: Pty

    init(
        in workspace: Workspace, _ arguments: [String] = [], term: String? = "xterm-256color",
        environment: [String: String] = [:], width: Int = 80, height: Int = 24
    ) throws {
        pty = try Pty(
            ["dashboard"] + arguments, program: RollcallBinary.path, term: term,
            environment: workspace.environment.merging(environment) { $1 }, width: width, height: height)
    }

    /// Waits until the screen shows a text.
    func see(_ text: String, location: SourceLocation = #_sourceLocation) {
        pty.wait(for: "\(text)", { shows($0, text) }, sourceLocation: location)
    }

    /// Waits until the screen shows a text no more.
    func seeNoMore(_ text: String, location: SourceLocation = #_sourceLocation) {
        pty.wait(for: "no \(text)", { !shows($0, text) }, sourceLocation: location)
    }

    private func shows(_ pty: Pty, _ text: String) -> Bool { pty.screen.lines.contains { $0.contains(text) } }

    /// Presses keys, each an input of its own, and waits until all are handled and painted.
    func press(_ keys: String, location: SourceLocation = #_sourceLocation) {
        pty.press(keys, inputs: keys.count, sourceLocation: location)
    }

    /// Leaves by its own key, and expects the terminal as it was.
    func quit(location: SourceLocation = #_sourceLocation) throws {
        pty.send("q")
        #expect(pty.ending() == .exit(0), sourceLocation: location)
        try expectWhole(location: location)
    }

    /// Expects the modes of a terminal that nobody has touched, and that the other screen is left.
    func expectWhole(location: SourceLocation = #_sourceLocation) throws {
        let untouched = try Pty(program: "/bin/true").modes
        #expect(pty.modes == untouched, sourceLocation: location)
        #expect(pty.screen.modes == Pty.wholeModes, sourceLocation: location)
        #expect(pty.screen.unknown.isEmpty, "\(pty.screen.unknown)", sourceLocation: location)
    }
}
