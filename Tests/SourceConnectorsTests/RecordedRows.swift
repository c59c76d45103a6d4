import Glibc
import SyncEngine

/// What a source reported, in its order.
enum ReportedRow: Equatable, CustomStringConvertible {
    case row([UInt8], Int)
    case nobody(Int)
    case unreadable(UnreadableReason, Int)

    var description: String {
        switch self {
        case .row(let id, let position): "\(position): \(String(decoding: id, as: UTF8.self).debugDescription)"
        case .nobody(let position): "\(position): nobody"
        case .unreadable(let reason, let position): "\(position): \(reason)"
        }
    }
}

/// Keeps all rows, and can act on each.
final class RecordedRows: MemberRows {
    var rows: [ReportedRow] = []
    var details: [String] = []
    var onRow: (() -> Void)?

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        rows.append(.row(Array(id), position))
        onRow?()
    }

    func nobody(at position: Int) {
        rows.append(.nobody(position))
    }

    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {
        rows.append(.unreadable(reason, position))
        details.append(detail)
    }

    /// The ids as text, in order.
    var ids: [String] {
        rows.compactMap { row in
            guard case .row(let id, _) = row else { return nil }
            return String(decoding: id, as: UTF8.self)
        }
    }

    var unreadableCount: Int {
        rows.count { row in
            if case .unreadable = row { true } else { false }
        }
    }
}

/// Counts and keeps nothing, for large inputs.
final class CountedRows: MemberRows {
    var rows = 0
    var unnamed = 0
    var unreadable = 0
    var bytes = 0

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        rows += 1
        bytes += id.count
    }
    func nobody(at position: Int) { unnamed += 1 }
    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) { unreadable += 1 }
}

extension MemberSource {
    /// Everything the source reports.
    func read(stop: StopFlag = StopFlag()) throws(SourceError) -> RecordedRows {
        let rows = RecordedRows()
        try fetch(into: rows, stop: stop)
        return rows
    }

    /// The error a fetch ends in, or nil.
    func failure(stop: StopFlag = StopFlag()) -> SourceError? {
        do {
            _ = try read(stop: stop)
            return nil
        } catch {
            return error
        }
    }
}

extension SourceError {
    /// Whether this is `unavailable` with a text that contains all of `parts`.
    func isUnavailable(_ parts: String...) -> Bool {
        guard case .unavailable(let text) = self else { return false }
        return parts.allSatisfy { text.contains($0) }
    }

    /// Whether this is `misconfigured` with a text that contains all of `parts`.
    func isMisconfigured(_ parts: String...) -> Bool {
        guard case .misconfigured(let text) = self else { return false }
        return parts.allSatisfy { text.contains($0) }
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to `limit`, which is above 0 and not reached.
    mutating func below(_ limit: Int) -> Int {
        Int(truncatingIfNeeded: next() % UInt64(limit))
    }
}

/// Runs `body` on a thread of its own, because tests that block hold all threads of the pool that tasks run on.
func runOnThread(_ body: @escaping @Sendable () -> Void) {
    final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { work in
            if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
            return nil
        }, work)
    guard result == 0 else { fatalError("no thread: \(result)") }
    pthread_detach(thread)
}
