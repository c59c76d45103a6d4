import CZlib
import FlyingSocks
import Foundation
import Glibc

@testable import Receiver

/// A client on a bare socket: it sees exactly what the receiver sends, resets included.
struct RawClient {
    struct Response: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    /// How a connection ended without a response.
    enum Ending: Error, Equatable {
        case closed
        case reset
    }

    private let socket: AsyncSocket

    init(port: UInt16) async throws {
        socket = try await AsyncSocket.connected(to: sockaddr_in.inet(ip4: "127.0.0.1", port: port))
    }

    func close() { try? socket.close() }

    func send(_ bytes: [UInt8]) async throws { try await socket.write(Data(bytes)) }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends a request and reads the response.
    func request(
        _ method: String = "POST", _ path: String, headers: [String: String] = [:], body: [UInt8] = []
    ) async throws -> Response {
        try await send(Self.head(method, path, headers, body.count) + body)
        return try await response(to: method)
    }

    static func head(_ method: String, _ path: String, _ headers: [String: String], _ length: Int) -> [UInt8] {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Content-Length: \(length)"]
        lines += headers.map { "\($0.key): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    func response(to method: String = "POST") async throws -> Response {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head.append(try await byte()) }
        let lines = String(decoding: head.dropLast(4), as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        var body: [UInt8] = []
        if method != "HEAD", status != 100, status != 204 {
            let length = headers["content-length"].flatMap { Int($0) } ?? 0
            while body.count < length { body.append(try await byte()) }
        }
        return Response(status: status, headers: headers, body: String(decoding: body, as: UTF8.self))
    }

    /// How the connection ends, when nothing more comes.
    func ending() async -> Ending? {
        do {
            _ = try await byte()
            return nil
        } catch {
            return error as? Ending
        }
    }

    private func byte() async throws -> UInt8 {
        do {
            return try await socket.read()
        } catch SocketError.failed(_, ECONNRESET, _) {
            throw Ending.reset
        } catch SocketError.disconnected {
            // The socket pool says the same of both ends; the kernel still knows which it was.
            var byte: UInt8 = 0
            let count = recv(socket.socket.file.rawValue, &byte, 1, Int32(MSG_DONTWAIT))
            throw count < 0 && errno == ECONNRESET ? Ending.reset : Ending.closed
        }
    }
}

extension Receiver {
    /// A receiver on a free port, for the length of `body`.
    static func running<R>(
        _ settings: ReceiverSettings = .test(), onEvent: (@Sendable (ReceiverEvent) -> Void)? = nil,
        _ body: (Receiver, UInt16) async throws -> R
    ) async throws -> R {
        let receiver = try Receiver(settings: settings, onEvent: onEvent)
        let port = try await receiver.start()
        do {
            let result = try await body(receiver, port)
            await receiver.stop()
            return result
        } catch {
            await receiver.stop()
            throw error
        }
    }

    /// Posts one batch on a connection of its own.
    static func post(
        _ body: String, to port: UInt16, path: String = "/v1/batch", headers: [String: String] = basic
    ) async throws -> RawClient.Response {
        let client = try await RawClient(port: port)
        defer { client.close() }
        return try await client.request("POST", path, headers: headers, body: Array(body.utf8))
    }

    /// Basic authorization with the write key `key`.
    static let basic = ["Authorization": "Basic a2V5Og=="]
}

extension ReceiverSettings {
    /// In memory, on any free port.
    static func test(
        faults: String = "", store: StoreLocation = .memory, writeKeys: Set<String>? = nil
    ) -> ReceiverSettings {
        ReceiverSettings(
            address: ListenAddress(host: "127.0.0.1", port: 0), store: store,
            faults: (try? FaultScript(parsing: faults)) ?? .none, writeKeys: writeKeys)
    }
}

/// An identify message as Rollcall sends it.
func identify(
    _ user: String, _ value: String = "true", id: String, at timestamp: String = "2026-03-01T12:00:00.000Z",
    trait: String = "[Amplitude] Big Spenders (abc123)"
) -> String {
    """
    {"type":"identify","userId":"\(user)","messageId":"\(id)","timestamp":"\(timestamp)",\
    "traits":{"\(trait)":\(value)},"context":{"integration":{"name":"Amplitude Cohort Sync","version":"1.0.0"}}}
    """
}

func batch(_ items: String..., sentAt: String? = nil) -> String {
    let sent = sentAt.map { ",\"sentAt\":\"\($0)\"" } ?? ""
    return "{\"batch\":[\(items.joined(separator: ","))]\(sent)}"
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Compresses as gzip.
func gzip(_ text: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    var input = text
    var output = [UInt8](repeating: 0, count: text.count + 1024)
    deflateInit2_(
        &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    let (inputCount, outputCount) = (UInt32(input.count), UInt32(output.count))
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = inputCount
            stream.next_out = output.baseAddress
            stream.avail_out = outputCount
            deflate(&stream, Z_FINISH)
        }
    }
    deflateEnd(&stream)
    return Array(output.prefix(Int(stream.total_out)))
}
