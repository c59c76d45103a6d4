import Dispatch
import Scheduling
import SyncEngine

/// A file that receives one message a line, appended and flushed batch by batch.
///
/// A batch is there as a whole or not at all: a write that falls short is taken back. The file is opened anew for every
/// batch, so that it can be rotated, and locked meanwhile, so that two processes never mix their lines.
package final class NDJSONDestination: Destination {
    package let kind = "ndjson"
    package let address: String
    /// Lines stay in the order they were written, and a reader tells a repeated one by its `messageId`: a later line
    /// wins, so nothing has to wait for an attempt of unknown outcome.
    package let deduplicates = true

    private let file: AppendOnlyFile
    /// Writing and flushing block; this queue's thread does, not one of the concurrency pool.
    private let queue = DispatchQueue(label: "rollcall.ndjson")

    package convenience init(path: String) {
        self.init(file: AppendOnlyFile(path: path))
    }

    init(file: AppendOnlyFile) {
        self.file = file
        address = file.path
    }

    package func encoder(for audience: Audience) -> any MessageEncoder {
        AudienceEncoder(AudienceWording(audience, mode: .identify), limits: .file, framing: .lines)
    }

    package func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        guard batch.count > 0 else { return .accepted(status: 0, rejected: []) }
        return switch await blocking({ self.file.append(batch.bytes) }) {
        case .appended: .accepted(status: 0, rejected: [])
        case .unusable(let reason): .blocked(status: nil, reason: reason)
        case .notAppended(let reason): .notAccepted(status: nil, reason: reason, retryAfter: nil)
        case .unknown(let reason): .unknown(status: nil, reason: reason, retryAfter: nil)
        }
    }

    package func probe() async -> ProbeResult {
        switch await blocking({ self.file.inspect() }) {
        case .success(let detail): ProbeResult(isReachable: true, detail: detail)
        case .failure(let problem): ProbeResult(isReachable: false, detail: problem.reason)
        }
    }

    private func blocking<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
