import Control
import Foundation
import Glibc
import Testing

@testable import ControlServer

/// Sockets in folders with long names.
@Suite struct SocketPathTests {
    @Test("asking for a long path again and again opens its folder once, and a folder in its place is noticed")
    func onceOpened() throws {
        let folder = NSTemporaryDirectory() + "socket-\(UUID().uuidString)/" + String(repeating: "long", count: 30)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent) }
        let first = try SocketPath.short(folder + "/control.sock")
        #expect(first.utf8.count < 100)
        for _ in 0..<100 { #expect(try SocketPath.short(folder + "/control.sock") == first) }
        try FileManager.default.moveItem(atPath: folder, toPath: folder + ".old")
        #expect(throws: Refusal.self) { try SocketPath.short(folder + "/control.sock") }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        #expect(try SocketPath.short(folder + "/control.sock") != first)
        #expect(try SocketPath.short("/run/control.sock") == "/run/control.sock")
    }
}
