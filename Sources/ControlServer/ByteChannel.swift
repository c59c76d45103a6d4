/// Bytes on their way from a listing to a slow reader: holds a few pieces, then the writer waits. When the reader goes
/// away the writer is told to stop.
actor ByteChannel {
    private var pieces: [[UInt8]] = []
    private var isFinished = false
    private var isClosed = false
    private var reader: CheckedContinuation<[UInt8]?, Never>?
    private var writers: [CheckedContinuation<Bool, Never>] = []

    static let capacity = 8

    /// - Returns: false when nobody reads any more.
    func send(_ piece: [UInt8]) async -> Bool {
        if isClosed { return false }
        if let reader {
            self.reader = nil
            reader.resume(returning: piece)
            return true
        }
        pieces.append(piece)
        guard pieces.count >= Self.capacity else { return true }
        return await withCheckedContinuation { writers.append($0) }
    }

    func finish() {
        isFinished = true
        reader?.resume(returning: nil)
        reader = nil
    }

    func next() async -> [UInt8]? {
        if !pieces.isEmpty {
            let piece = pieces.removeFirst()
            if !writers.isEmpty { writers.removeFirst().resume(returning: true) }
            return piece
        }
        if isFinished || isClosed { return nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { reader = $0 }
        } onCancel: {
            Task { await self.close() }
        }
    }

    func close() {
        isClosed = true
        for writer in writers { writer.resume(returning: false) }
        writers = []
        reader?.resume(returning: nil)
        reader = nil
    }
}
