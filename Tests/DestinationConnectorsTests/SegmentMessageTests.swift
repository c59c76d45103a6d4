import CZlib
import Foundation
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Testing
import WarehouseNames

@testable import DestinationConnectors

/// The request body as an independent parser reads it.
private func parsed(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
}

private func send(
    _ destination: SegmentDestination, _ transport: ScriptedTransport, _ batch: EncodedBatch, attempt: Int = 0
) async throws -> HTTPRequest {
    _ = await destination.deliver(batch, attempt: attempt, sentAt: Instant.noon.advanced(milliseconds: 5_000))
    return try #require(transport.requests.last)
}

@Suite struct SegmentMessageTests {
    let transport = ScriptedTransport()

    @Test func theMessageIsTheDocumentedOneByteForByte() throws {
        let destination = SegmentDestination(settings: try .local(), transport: transport)
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        #expect(encoder.append("u-42", to: &batch) == .added)
        #expect(encoder.append("u-43", entered: false, to: &batch) == .added)
        func expected(_ id: String, _ value: String) -> String {
            #"{"type":"identify","userId":"\#(id)","messageId":"0f8fad5b-d9cb-469f-0000-000000000001","#
                + #""timestamp":"2026-03-01T12:00:00.000Z","traits":{"[Amplitude] Big Spenders (abc123)":\#(value)},"#
                + #""context":{"integration":{"name":"Amplitude Cohort Sync","version":"1.0.0"}}}"#
        }
        #expect(
            String(decoding: batch.bytes, as: UTF8.self) == expected("u-42", "true") + "," + expected("u-43", "false"))
        #expect(batch.count == 2)
    }

    @Test func theRequestIsTheDocumentedOneKeyForKey() async throws {
        let destination = SegmentDestination(settings: try .local(), transport: transport)
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        _ = encoder.append("u-42", to: &batch)
        let request = try await send(destination, transport, batch)
        #expect(request.method == "POST" && request.url == "https://api.segment.io/v1/batch")
        let body = try parsed(request.body)
        let context: NSDictionary = ["integration": ["name": "Amplitude Cohort Sync", "version": "1.0.0"]]
        let expected: NSDictionary = [
            "batch": [
                [
                    "type": "identify", "userId": "u-42", "messageId": "0f8fad5b-d9cb-469f-0000-000000000001",
                    "timestamp": "2026-03-01T12:00:00.000Z",
                    "traits": ["[Amplitude] Big Spenders (abc123)": true], "context": context,
                ] as NSDictionary
            ],
            "context": context, "sentAt": "2026-03-01T12:00:05.000Z", "writeKey": "canary-key-77",
        ]
        #expect(NSDictionary(dictionary: body) == expected)
        // NSNumber calls 1 and true equal; Segment needs the boolean.
        #expect(String(decoding: request.body, as: UTF8.self).contains(#"(abc123)":true}"#))

        let headers = Dictionary(uniqueKeysWithValues: request.headers.map { ($0.name, $0.value) })
        #expect(headers["Authorization"] == "Basic " + Data("canary-key-77:".utf8).base64EncodedString())
        #expect(headers["Content-Type"] == "application/json")
        #expect(headers["X-Retry-Count"] == nil && headers["Content-Encoding"] == nil)
        #expect(!request.isCancellable)
    }

    @Test func retriesHaveTheSameMessagesAndSayTheirNumber() async throws {
        let destination = SegmentDestination(settings: try .local(), transport: transport)
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        _ = encoder.append("u-42", to: &batch)
        for attempt in 0...3 {
            let request = try await send(destination, transport, batch, attempt: attempt)
            #expect(request.headers.first { $0.name == "X-Retry-Count" }?.value == (attempt == 0 ? nil : "\(attempt)"))
            #expect(request.bodyParts[1] == batch.bytes)
        }
    }

    @Test func leavesAreNullWhereAsked() throws {
        var audience = Audience.spenders
        audience.leavesAsNull = true
        let encoder = SegmentDestination(settings: try .local(), transport: transport).encoder(for: audience)
        var batch = EncodedBatch()
        _ = encoder.append("a", entered: false, to: &batch)
        #expect(String(decoding: batch.bytes, as: UTF8.self).contains(#"(abc123)":null}"#))
    }

    @Test func trackModeNamesTheAudience() throws {
        let encoder = SegmentDestination(settings: try .local(mode: .track), transport: transport).encoder(
            for: .spenders)
        var batch = EncodedBatch()
        #expect(encoder.append("u-1", to: &batch) == .added)
        #expect(encoder.append("u-2", entered: false, to: &batch) == .added)
        let text = String(decoding: batch.bytes, as: UTF8.self)
        let items = try #require(JSONSerialization.jsonObject(with: Data("[\(text)]".utf8)) as? [[String: Any]])
        #expect(items.map { $0["event"] as? String } == ["Audience Entered", "Audience Exited"])
        #expect(items.map { $0["type"] as? String } == ["track", "track"])
        #expect(items.map { $0["userId"] as? String } == ["u-1", "u-2"])
        for (item, value) in zip(items, [true, false]) {
            let properties: NSDictionary = ["audience_key": "big_spenders", "big_spenders": value]
            #expect((item["properties"] as? NSDictionary) == properties)
            let personas = (item["context"] as? [String: Any])?["personas"] as? NSDictionary
            let expected: NSDictionary = [
                "computation_class": "audience", "computation_key": "big_spenders", "computation_id": "abc123",
            ]
            #expect(personas == expected)
        }
        #expect(text.contains(#""big_spenders":true}"#) && text.contains(#""big_spenders":false}"#))
    }

    @Test(arguments: [
        ("[Amplitude] Big Spenders (abc123)", "amplitude_big_spenders_abc123"),
        ("[Amplitude] BigSpenders (abc123)", "amplitude_big_spenders_abc123"),
        ("[Amplitude] iOS users (Sf7M9j)", "amplitude_i_os_users_sf7_m9j"),
        ("[Amplitude] Café clients (a1b2)", "amplitude_caf_clients_a1b2"), ("big-spenders", "big_spenders"),
        ("___", ""),
        ("HTTPServer", "httpserver"), ("a__b", "a_b"), ("-x-", "x"),
    ])
    func snakeCase(text: String, snake: String) { #expect(SnakeCase.column(of: text) == snake) }

    @Test func compressedBodiesInflateToTheSame() async throws {
        let plain = ScriptedTransport()
        let one = SegmentDestination(settings: try .local(), transport: plain)
        let other = SegmentDestination(settings: try .local(compresses: true), transport: transport)
        let encoder = one.encoder(for: .spenders)
        var batch = EncodedBatch()
        while encoder.append([UInt8](UUID().uuidString.utf8), to: &batch) == .added {}
        let expected = try await send(one, plain, batch).body
        let request = try await send(other, transport, batch)
        #expect(request.headers.contains { $0.name == "Content-Encoding" && $0.value == "gzip" })
        #expect(request.bodyCount < expected.count / 4)

        var stream = z_stream()
        #expect(inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&stream) }
        var input = request.body
        var output = [UInt8](repeating: 0, count: expected.count + 1)
        let code = input.withUnsafeMutableBufferPointer { from in
            output.withUnsafeMutableBufferPointer { to in
                stream.next_in = from.baseAddress
                stream.avail_in = UInt32(from.count)
                stream.next_out = to.baseAddress
                stream.avail_out = UInt32(to.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        #expect(code == Z_STREAM_END)
        #expect(Array(output[..<Int(stream.total_out)]) == expected)
    }

    @Test func aKeyWithQuotesKeepsTheBodyWhole() async throws {
        let key = #"k"\,"x":"y"#
        let destination = SegmentDestination(settings: try .local(key: key), transport: transport)
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        _ = encoder.append("a", to: &batch)
        #expect(try parsed(try await send(destination, transport, batch).body)["writeKey"] as? String == key)
    }

    @Test func aHostileTraitKeepsTheMessageWhole() throws {
        var audience = Audience.spenders
        audience.trait = "a\"b\\c\nd\u{1}é😀"
        let encoder = SegmentDestination(settings: try .local(), transport: transport).encoder(for: audience)
        var batch = EncodedBatch()
        _ = encoder.append("a", to: &batch)
        #expect((try parsed(batch.bytes)["traits"] as? [String: Any])?.keys.first == audience.trait)
    }
}

@Suite struct HostileIDTests {
    /// Ids as the destination reads them, byte for byte.
    private func roundTrip(_ ids: [[UInt8]]) throws -> [[UInt8]] {
        let destination = SegmentDestination(settings: try .local(), transport: ScriptedTransport())
        let encoder = destination.encoder(for: .spenders)
        var read: [[UInt8]] = []
        for id in ids {
            var batch = EncodedBatch()
            try #require(encoder.append(id, to: &batch) == .added, "\(id)")
            let message = try JSONSerialization.jsonObject(with: Data(batch.bytes)) as? [String: Any]
            read.append(Array(try #require(message?["userId"] as? String).utf8))
        }
        return read
    }

    @Test func namedOnesArriveByteForByte() throws {
        let ids = [
            "\"", "\\", "\\\"", "a\"b", "{\"userId\":\"x\"}", "</script>", "\u{0}", "\u{1}\u{1F}", "\t\r\n", "\u{7F}",
            " ", " padded ", "é", "e\u{301}", "a\u{FEFF}", "\u{2028}\u{2029}", "😀", "👩‍👩‍👧‍👦", "日本語", "\u{202E}rtl",
            String(repeating: "x", count: 1024), String(repeating: "\"", count: 1024),
            String(repeating: "\u{1}", count: 1024), String(repeating: "😀", count: 256), "\u{10FFFF}", "\u{7FF}\u{800}",
            "-1", "null", "true", "0x41", "$(id)", "'; DROP TABLE users; --", "1234567\"", "12345678\"", "12345678é",
        ].map { Array($0.utf8) }
        for (id, read) in zip(ids, try roundTrip(ids)) { #expect(read == id) }
    }

    @Test func aLeadingByteOrderMarkIsKept() throws {
        let encoder = SegmentDestination(settings: try .local(), transport: ScriptedTransport()).encoder(for: .spenders)
        var batch = EncodedBatch()
        #expect(encoder.append("\u{FEFF}x", to: &batch) == .added)
        #expect(batch.bytes.starts(with: Array("{\"type\":\"identify\",\"userId\":\"\u{FEFF}x\",".utf8)))
    }

    @Test func everyAsciiByteAtEveryPlaceArrives() throws {
        let ids = (0..<20).flatMap { place in
            (UInt8(0)..<0x80).map { byte -> [UInt8] in
                var id = [UInt8](repeating: 0x61, count: 20)
                id[place] = byte
                return id
            }
        }
        #expect(try roundTrip(ids) == ids)
    }

    @Test func randomTextArrives() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        let ids = (0..<1_500).map { _ -> [UInt8] in
            let scalars = (0..<Int.random(in: 1...40, using: &generator)).map { _ -> Unicode.Scalar in
                let limit: UInt32 = [0x30, 0x80, 0x800, 0x10000, 0x11_0000].randomElement(using: &generator) ?? 0x80
                let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) ?? "x"
                // The parser of this test drops a byte order mark at a string's beginning.
                return scalar == "\u{FEFF}" ? "x" : scalar
            }
            return scalars.flatMap { Array(String($0).utf8) }
        }
        #expect(try roundTrip(ids) == ids, "seed \(seed)")
    }

    @Test func whatIsNotUTF8IsRefused() throws {
        let encoder = SegmentDestination(settings: try .local(), transport: ScriptedTransport()).encoder(for: .spenders)
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        var refused = 0
        for _ in 0..<20_000 {
            let start: [UInt8] = [0xC0, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0x80, 0x61]
            let id =
                [start.randomElement(using: &generator) ?? 0]
                + (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                    ([0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0x62] as [UInt8]).randomElement(using: &generator) ?? 0
                }
            let isValid = String(validating: id, as: UTF8.self) != nil
            var batch = EncodedBatch()
            let appended = encoder.append(id, to: &batch)
            #expect((appended == .added) == isValid, "seed \(seed): \(id)")
            #expect((batch.count == 1) == isValid && batch.bytes.isEmpty != isValid)
            refused += isValid ? 0 : 1
        }
        #expect(refused > 10_000 && refused < 20_000)
        var batch = EncodedBatch()
        guard case .refused = encoder.append([], to: &batch) else {
            Issue.record("an empty id was taken")
            return
        }
    }
}

/// A small generator whose runs can be repeated (splitmix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
