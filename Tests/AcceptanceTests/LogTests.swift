import Foundation
import Glibc
import Testing

/// The engine's log: for its owner alone, one JSON object a line, bounded.
@Suite(.rationed)
struct LogTests {
    @Test("a log of 8 MiB makes room: two files at most, mode 0600, every line JSON, no member and no body in them")
    func rotation() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace) { _, _ in .status(500, body: "no") }
        try workspace.configure(sink.endpoint)
        try workspace.list(["somebody@example.com"])
        try await workspace.sync("--retry-for", "0s", expecting: 1)
        let log = workspace.folder + "/.rollcall/rollcall.log"
        let line = "{\"at\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"text\":\"old\"}\n"
        for round in 0..<2 {
            try Data(String(repeating: line, count: (8 << 20) / line.utf8.count + 2).utf8).write(to: URL(fileURLWithPath: log))
            chmod(log, 0o600)
            let engine = try await RunningEngine(in: workspace)
            _ = try await workspace.rollcall("sync", "vip", "--retry-for", "0s")
            #expect(try await engine.stop().code == 0)
            let names = try FileManager.default.contentsOfDirectory(atPath: workspace.folder + "/.rollcall")
                .filter { $0.hasPrefix("rollcall.log") }
            #expect(names.sorted() == ["rollcall.log", "rollcall.log.1"], "round \(round)")
            #expect(bytes(at: log + ".1").count > 8 << 20 && bytes(at: log).count < 64 << 10)
            for path in [log, log + ".1"] {
                #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            }
            let told = try bytes(at: log).split(separator: 0x0A).map { try JSON(parsing: Array($0)) }
            #expect(told.contains { $0.text("text")?.contains("vip@seg") == true })
            #expect(!String(decoding: bytes(at: log), as: UTF8.self).contains("somebody@example.com"))
        }
    }
}
