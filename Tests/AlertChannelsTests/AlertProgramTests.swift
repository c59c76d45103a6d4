import Foundation
import SyncEngine
import Testing

@testable import AlertChannels

@Suite struct AlertProgramTests {
    @Test func aProgramGetsTheInputAndNoShell() throws {
        let file = NSTemporaryDirectory() + "rollcall-alert-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let ended = AlertProgram.run(
            ["dd", "of=\(file)", "status=none"], input: Array("{\"a\":1}".utf8), in: "/", milliseconds: 10_000)
        #expect(ended == .delivered)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "{\"a\":1}")
        let echo = AlertProgram.run(["test", "$HOME", "=", "$HOME"], input: [], in: "/", milliseconds: 10_000)
        #expect(echo == .delivered, "arguments go as they are")
    }

    @Test func failuresAreNamed() {
        #expect(AlertProgram.run(["false"], input: [], in: "/", milliseconds: 10_000) == .failed("false exited with 1"))
        let missing = AlertProgram.run(["/no/such/program"], input: [], in: "/", milliseconds: 10_000)
        guard case .failed(let reason) = missing else {
            Issue.record("a missing program was run")
            return
        }
        #expect(reason.contains("could not be started"))
        let endless = AlertProgram.run(["sleep", "600"], input: [], in: "/", milliseconds: 50)
        #expect(endless == .failed("sleep did not end in time and was stopped"))
    }
}
