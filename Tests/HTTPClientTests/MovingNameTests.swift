import Foundation
import Testing

/// A name whose address changes (reliability.md, N21): the look-up is made by a process of its own, whose resolver answers what
/// a file says.
@Suite struct MovingNameTests {
    private struct NoCompiler: Error {}

    private func compile(to folder: String) throws -> String {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("MovingName/moving_name.c").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let compiler = ProcessInfo.processInfo.environment["CC"] ?? "clang"
        process.arguments = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", folder + "/moving-name.so", source, "-ldl"]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw NoCompiler() }
        return folder + "/moving-name.so"
    }

    @Test func aNameIsLookedUpAnewOnceItsConnectionIsOld() throws {
        let folder = NSTemporaryDirectory() + "rollcall-moving-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let address = URL(fileURLWithPath: folder + "/address")
        let answer: @Sendable (Peer, Int) -> Void = { peer, _ in
            while peer.request() != nil { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        }
        let before = HostileServer(answer)
        let after = HostileServer(loopback: 2, port: before.port, answer)
        defer {
            before.stopListening()
            after.stopListening()
        }
        let probe = try HTTPProbe(environment: [
            "LD_PRELOAD": try compile(to: folder), "MOVING_NAME": address.path, "HTTP_PROBE_CONNECTION_LIFE": "3",
        ])
        let url = "http://moving.test:\(before.port)/"
        try Data("127.0.0.1".utf8).write(to: address)
        #expect(probe.exchange(url, deadline: 5_000, bodyBytes: 1)?.status == 200)
        try Data("127.0.0.2".utf8).write(to: address)
        // A young connection is used again, whatever the name says by now.
        #expect(probe.exchange(url, deadline: 5_000, bodyBytes: 1)?.status == 200)
        #expect(before.requests.count == 2 && before.connections == 1 && after.connections == 0)
        // In use all the time, it is given up for its age alone.
        let end = ContinuousClock.now + .seconds(20)
        while after.requests.isEmpty, ContinuousClock.now < end {
            #expect(probe.exchange(url, deadline: 5_000, bodyBytes: 1)?.status == 200)
            usleep(100_000)
        }
        #expect(after.connections == 1 && before.connections == 1, "the name's new address was never asked")
    }
}
