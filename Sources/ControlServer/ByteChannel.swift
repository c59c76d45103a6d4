import FlyingFox
import FlyingSocks

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

/// The channel as FlyingFox wants to read a body.
struct ByteChannelSequence: AsyncBufferedSequence {
    typealias Element = UInt8

    private let end: ReadingEnd

    init(_ channel: ByteChannel) {
        end = ReadingEnd(channel)
    }

    func makeAsyncIterator() -> Iterator { Iterator(end: end) }

    /// Closes the channel when the connection lets go of the body.
    fileprivate final class ReadingEnd: Sendable {
        let channel: ByteChannel

        init(_ channel: ByteChannel) { self.channel = channel }

        deinit {
            Task { [channel] in await channel.close() }
        }
    }

    struct Iterator: AsyncBufferedIteratorProtocol {
        typealias Element = UInt8

        fileprivate let end: ReadingEnd
        private var rest: ArraySlice<UInt8> = []

        fileprivate init(end: ReadingEnd) { self.end = end }

        mutating func next() async throws -> UInt8? {
            if rest.isEmpty {
                guard let piece = await end.channel.next() else { return nil }
                rest = piece[...]
            }
            return rest.popFirst()
        }

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
            if !rest.isEmpty {
                defer { rest = [] }
                return Array(rest)
            }
            return await end.channel.next()
        }
    }
}
