import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization

@testable import DestinationConnectors

/// Answers every request as told, and keeps what it was asked.
final class ScriptedTransport: HTTPTransport {
    private let exchange: HTTPExchange
    private let made = Mutex<[HTTPRequest]>([])

    init(_ exchange: HTTPExchange = .answer(HTTPAnswer(status: 200))) {
        self.exchange = exchange
    }

    var requests: [HTTPRequest] { made.withLock { $0 } }

    func exchange(_ request: HTTPRequest) async -> HTTPExchange {
        made.withLock { $0.append(request) }
        return exchange
    }
}

extension Audience {
    static let spenders = Audience(
        key: "big-spenders", name: "Big Spenders", id: "abc123", trait: "[Amplitude] Big Spenders (abc123)")
}

extension Instant {
    /// 2026-03-01T12:00:00.000Z
    static let noon = Instant(milliseconds: 1_772_366_400_000)
}

extension SegmentSettings {
    static func local(
        key: String = "canary-key-77", mode: SegmentMode = .identify, compresses: Bool = false
    ) throws -> SegmentSettings {
        SegmentSettings(
            endpoint: try WebAddress(base: "https://api.segment.io/v1"), writeKey: Secret(Array(key.utf8)), mode: mode,
            compresses: compresses)
    }
}

extension MessageEncoder {
    /// Appends one id with everything else fixed.
    func append(
        _ id: [UInt8], entered: Bool = true, number: UInt64 = 1, at timestamp: Instant = .noon,
        to batch: inout EncodedBatch
    ) -> Appended {
        id.withUnsafeBytes { bytes in
            append(
                Announcement(
                    member: bytes, entered: entered, messageID: MessageID(high: 0x0F8F_AD5B_D9CB_469F, low: number),
                    timestamp: timestamp), to: &batch)
        }
    }

    func append(_ id: String, entered: Bool = true, to batch: inout EncodedBatch) -> Appended {
        append(Array(id.utf8), entered: entered, to: &batch)
    }
}
