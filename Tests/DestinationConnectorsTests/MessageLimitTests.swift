import Glibc
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import DestinationConnectors

@Suite struct MessageLimitTests {
    let transport = ScriptedTransport()

    private func destination() throws -> SegmentDestination {
        SegmentDestination(settings: try .local(), transport: transport)
    }

    /// Bytes of one message besides its id.
    private func fixedCount(_ encoder: any MessageEncoder) -> Int {
        var batch = EncodedBatch()
        _ = encoder.append("x", to: &batch)
        return batch.bytes.count - 1
    }

    @Test func aMessageHasAtMost32000Bytes() throws {
        let encoder = try destination().encoder(for: .spenders)
        let room = 32_000 - fixedCount(encoder)
        var batch = EncodedBatch()
        #expect(encoder.append([UInt8](repeating: 0x61, count: room), to: &batch) == .added)
        #expect(batch.bytes.count == 32_000)
        for count in [room + 1, 32_000, 32_001, 1_000_000] {
            let appended = encoder.append([UInt8](repeating: 0x61, count: count), to: &batch)
            guard case .refused(let reason) = appended else {
                Issue.record("\(count) bytes: \(appended)")
                continue
            }
            #expect(reason.contains("32000"))
        }
        // What counts is the escaped length.
        let controls = [UInt8](repeating: 0x01, count: room / 6 + 1)
        guard case .refused = encoder.append(controls, to: &batch) else {
            Issue.record("an escaped id over the limit was taken")
            return
        }
        #expect(batch.count == 1 && batch.bytes.count == 32_000)
    }

    @Test func aBatchHasAtMost2400Messages() async throws {
        let destination = try destination()
        // Without a trait to speak of, 2,400 messages stay below the limit of bytes.
        var audience = Audience.spenders
        audience.trait = ""
        let encoder = destination.encoder(for: audience)
        var batch = EncodedBatch(byteLimit: .max)
        var added = 0
        while added < 3_000, encoder.append("x", to: &batch) == .added { added += 1 }
        let perMessage = batch.bytes.count / added
        #expect(added == min(2_400, 475_000 / perMessage) || added == 2_400 || batch.bytes.count > 470_000)
        #expect(added <= 2_400 && batch.count == added)
        _ = await destination.deliver(batch, attempt: 0, sentAt: .noon)
        #expect((transport.requests.last?.bodyCount ?? .max) <= 475_000)
    }

    @Test func countsAreHeldApartFromBytes() {
        let wording = AudienceWording(.spenders, mode: .identify)
        let limits = MessageLimits(messageBytes: 32_000, messages: 2_400, payloadBytes: 10_000_000)
        let encoder = AudienceEncoder(wording, limits: limits, framing: .commas)
        var batch = EncodedBatch()
        for _ in 0..<2_400 { #expect(encoder.append("u-1", to: &batch) == .added) }
        let bytes = batch.bytes
        #expect(encoder.append("u-1", to: &batch) == .full)
        #expect(batch.count == 2_400 && batch.bytes == bytes)
    }

    @Test func aWholeBodyHasAtMost475000BytesAndNoRoomIsWasted() async throws {
        let destination = try destination()
        let encoder = destination.encoder(for: .spenders)
        let fixed = fixedCount(encoder)
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        for _ in 0..<30 {
            var batch = EncodedBatch()
            let longest = [36, 1_024, 31_000].randomElement(using: &generator) ?? 36
            var next = 0
            repeat {
                next = Int.random(in: 1...longest, using: &generator)
            } while encoder.append([UInt8](repeating: 0x61, count: next), to: &batch) == .added
            _ = await destination.deliver(batch, attempt: 0, sentAt: .noon)
            let body = try #require(transport.requests.last).bodyCount
            #expect(body <= 475_000, "seed \(seed)")
            #expect(body + 1 + fixed + next > 475_000, "seed \(seed)")
        }
    }

    @Test func theExactLastByteFits() async throws {
        let destination = try destination()
        let encoder = destination.encoder(for: .spenders)
        let fixed = fixedCount(encoder)
        func batch(lastID: Int) -> (EncodedBatch, Appended) {
            var batch = EncodedBatch()
            for _ in 0..<14 { _ = encoder.append([UInt8](repeating: 0x61, count: 32_000 - fixed), to: &batch) }
            return (batch, encoder.append([UInt8](repeating: 0x61, count: lastID), to: &batch))
        }
        var empty = EncodedBatch()
        _ = encoder.append("x", to: &empty)
        _ = await destination.deliver(empty, attempt: 0, sentAt: .noon)
        let envelope = try #require(transport.requests.last).bodyCount - empty.bytes.count
        let room = 475_000 - envelope - (14 * 32_000 + 13) - 1 - fixed
        #expect(batch(lastID: room).1 == .added)
        #expect(batch(lastID: room + 1).1 == .full)
    }

    @Test func loweredLimitsHoldAndNeverLoop() throws {
        let encoder = try destination().encoder(for: .spenders)
        let one = fixedCount(encoder) + 1
        var batch = EncodedBatch(byteLimit: 2 * one + 1)
        #expect(encoder.append("a", to: &batch) == .added)
        #expect(encoder.append("b", to: &batch) == .added)
        #expect(encoder.append("c", to: &batch) == .full)
        batch = EncodedBatch(byteLimit: 2 * one)
        #expect(encoder.append("a", to: &batch) == .added)
        #expect(encoder.append("b", to: &batch) == .full)
        batch = EncodedBatch(countLimit: 3)
        #expect((0..<4).map { _ in encoder.append("a", to: &batch) } == [.added, .added, .added, .full])
        for tiny in [EncodedBatch(byteLimit: 1), EncodedBatch(countLimit: 0), EncodedBatch(byteLimit: -5)] {
            var batch = tiny
            #expect(encoder.append("a", to: &batch) == .added)
            #expect(encoder.append("b", to: &batch) == .full)
        }
    }

    @Test func aBatchOverTheLimitsIsNotSent() async throws {
        let destination = try destination()
        var batch = EncodedBatch()
        batch.bytes = [UInt8](repeating: 0x20, count: 600_000)
        batch.count = 1
        guard case .tooLarge = await destination.deliver(batch, attempt: 0, sentAt: .noon) else {
            Issue.record("sent \(transport.requests.count)")
            return
        }
        batch.bytes = []
        batch.count = 2_401
        guard case .tooLarge = await destination.deliver(batch, attempt: 0, sentAt: .noon) else {
            Issue.record("sent \(transport.requests.count)")
            return
        }
        #expect(transport.requests.isEmpty)
    }

    @Test func theSameAnnouncementsGiveTheSameBytesAndBorders() throws {
        func batches() throws -> [[UInt8]] {
            let encoder = try destination().encoder(for: .spenders)
            var generator = Seeded(state: 7)
            var done: [[UInt8]] = []
            var batch = EncodedBatch()
            for number in 0..<4_000 {
                let id = [UInt8](repeating: 0x61, count: Int.random(in: 1...300, using: &generator))
                if encoder.append(id, number: UInt64(number), to: &batch) == .full {
                    done.append(batch.bytes)
                    batch = EncodedBatch()
                    _ = encoder.append(id, number: UInt64(number), to: &batch)
                }
            }
            return done + [batch.bytes]
        }
        let first = try batches()
        #expect(first.count > 2)
        #expect(try batches() == first)
    }
}

@Suite struct FixedTextTests {
    @Test func timestampsAgreeWithTheCLibrary() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        for _ in 0..<20_000 {
            let milliseconds = Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &generator)
            let instant = Instant(milliseconds: milliseconds)
            var time = time_t(floorDivide(milliseconds, 1000))
            var parts = tm()
            gmtime_r(&time, &parts)
            func padded(_ value: Int32, _ width: Int) -> String {
                String(repeating: "0", count: width - String(value).count) + String(value)
            }
            let fraction = Int32(milliseconds - floorDivide(milliseconds, 1000) * 1000)
            let expected =
                padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-"
                + padded(parts.tm_mday, 2) + "T" + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":"
                + padded(parts.tm_sec, 2) + "." + padded(fraction, 3) + "Z"
            #expect(String(decoding: TimestampText.text(of: instant), as: UTF8.self) == expected, "seed \(seed)")
        }
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (.min, "0001-01-01T00:00:00.000Z"),
        (.max, "9999-12-31T23:59:59.999Z"),
    ])
    func timestampsAtTheEdges(milliseconds: Int64, text: String) {
        #expect(String(decoding: TimestampText.text(of: Instant(milliseconds: milliseconds)), as: UTF8.self) == text)
    }

    @Test func aNewTimestampReplacesTheOldOne() throws {
        let encoder = SegmentDestination(settings: try .local(), transport: ScriptedTransport()).encoder(for: .spenders)
        for second in [0, 1, 0, 59] as [Int64] {
            var batch = EncodedBatch()
            _ = encoder.append(Array("a".utf8), at: Instant.noon.advanced(seconds: second), to: &batch)
            let text = "2026-03-01T12:00:\(second < 10 ? "0" : "")\(second).000Z"
            #expect(String(decoding: batch.bytes, as: UTF8.self).contains(text))
        }
    }

    @Test func messageIDsAreUUIDs() {
        let pairs = MessageIDText.Pairs()
        func text(_ id: MessageID) -> String {
            let target = UnsafeMutableRawPointer.allocate(byteCount: 36, alignment: 1)
            defer { target.deallocate() }
            MessageIDText.write(id, to: target, pairs)
            return String(decoding: UnsafeRawBufferPointer(start: target, count: 36), as: UTF8.self)
        }
        #expect(text(MessageID(high: 0, low: 0)) == "00000000-0000-0000-0000-000000000000")
        #expect(text(MessageID(high: .max, low: .max)) == "ffffffff-ffff-ffff-ffff-ffffffffffff")
        #expect(
            text(MessageID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210))
                == "01234567-89ab-cdef-fedc-ba9876543210")
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("\u{3FF}?>", "z78/Pg=="),
    ])
    func base64(text: String, encoded: String) { #expect(Base64.encode(Array(text.utf8)) == encoded) }
}
