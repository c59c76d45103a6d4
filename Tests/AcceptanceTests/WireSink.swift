import Foundation
import Glibc
import Synchronization
import Testing

/// An HTTP server of a few lines that keeps every request byte for byte and answers as it is told: what went over the
/// wire, seen by something that shares no code with the product.
final class WireSink: Sendable {
    struct Request: Sendable {
        let line: String
        /// Names in lower case.
        let headers: [String: String]
        let body: [UInt8]
    }

    enum Reply: Sendable {
        case status(Int, headers: [String] = [], body: String = "{\"success\":true}")
        /// A body that need not be text, and headers as they stand.
        case bytes(Int, headers: [String] = [], body: [UInt8])
        /// Reads the request and closes without a word.
        case hangUp
        /// Reads the request and says nothing.
        case silence
    }

    let port: Int
    var endpoint: String { "http://127.0.0.1:\(port)/v1" }
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let count = Atomic<Int>(0)
    private let keepsRequests: Bool
    private let answer: @Sendable (Request, Int) -> Reply

    /// - Parameters:
    ///   - answer: the reply to a request, which is the n-th from 0.
    ///   - workspace: lives as long as this test's workspace.
    ///   - keepsRequests: false when there are too many to keep; the answer sees each.
    init(
        in workspace: Workspace, keepsRequests: Bool = true,
        _ answer: @escaping @Sendable (Request, Int) -> Reply = { _, _ in .status(200) }
    ) throws {
        self.answer = answer
        self.keepsRequests = keepsRequests
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(bound, "no socket")
        port = Int(UInt16(bigEndian: address.sin_port))
        workspace.keep(self)
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0, let self else { return }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                Thread.detachNewThread { [weak self] in
                    while let self, self.serve(connection) {}
                    close(connection)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    var requests: [Request] { seen.withLock { $0 } }

    /// The requests' messages, in the order of arrival; with repeats.
    func messages() throws -> [JSON] {
        try requests.flatMap { try JSON(parsing: $0.body).list("batch") }
    }

    /// Answers one request; false when the connection is over.
    private func serve(_ connection: Int32) -> Bool {
        guard let request = read(connection) else { return false }
        let number = seen.withLock { seen in
            if keepsRequests { seen.append(request) }
            return count.add(1, ordering: .relaxed).oldValue
        }
        switch answer(request, number) {
        case .status(let code, let headers, let body):
            return say(code, headers, Array(body.utf8), to: connection)
        case .bytes(let code, let headers, let body):
            return say(code, headers, body, to: connection)
        case .hangUp:
            return false
        case .silence:
            var byte: UInt8 = 0
            while recv(connection, &byte, 1, 0) > 0 {}
            return false
        }
    }

    private func say(_ code: Int, _ headers: [String], _ body: [UInt8], to connection: Int32) -> Bool {
        let lines = ["HTTP/1.1 \(code) Told", "Content-Length: \(body.count)"] + headers + ["", ""]
        let text = Array(lines.joined(separator: "\r\n").utf8) + body
        return send(connection, text, text.count, Int32(MSG_NOSIGNAL)) == text.count
    }

    private func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        var head: (end: Int, line: String, headers: [String: String])?
        while true {
            if head == nil, let end = Self.end(ofHeadIn: bytes) {
                let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    if parts.count == 2 {
                        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
                    }
                }
                head = (end + 4, lines[0], headers)
            }
            if let head, bytes.count >= head.end + (Int(head.headers["content-length"] ?? "0") ?? 0) {
                return Request(line: head.line, headers: head.headers, body: Array(bytes[head.end...]))
            }
            let count = recv(connection, &piece, piece.count, 0)
            guard count > 0 else { return nil }
            bytes += piece[..<count]
        }
    }

    private static func end(ofHeadIn bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
    }
}
