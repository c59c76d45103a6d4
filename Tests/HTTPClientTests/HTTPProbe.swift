import Foundation
import Testing

/// The running `http-probe`, which makes requests in a process of its own.
final class HTTPProbe {
    struct Result {
        let outcome: String
        let status: Int
        let milliseconds: Int
        let residentKibibytes: Int
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var unread: [UInt8] = []

    /// - Parameter environment: is added to the test's own.
    init(environment: [String: String] = [:]) throws {
        let runner = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = runner.deletingLastPathComponent().appendingPathComponent("http-probe")
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.terminate()
    }

    /// Nil when the probe is gone.
    func exchange(_ url: String, deadline: Int, bodyBytes: Int) -> Result? {
        input.fileHandleForWriting.write(Data("\(url) \(deadline) \(bodyBytes)\n".utf8))
        while true {
            if let end = unread.firstIndex(of: 0x0A) {
                let words = String(decoding: unread[..<end], as: UTF8.self).split(separator: " ")
                unread.removeSubrange(...end)
                let numbers = words.dropFirst().compactMap { Int($0) }
                guard let outcome = words.first, numbers.count == 3 else { return nil }
                return Result(outcome: String(outcome), status: numbers[0], milliseconds: numbers[1], residentKibibytes: numbers[2])
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            unread += more
        }
    }
}
