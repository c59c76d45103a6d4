import CCurl
import Glibc

/// One exchange from its submission to its end: the request, what of it has left, and what has come back.
///
/// Of the connection's two ends libcurl tells through callbacks; they all run on the loop's thread.
final class CurlFlight: @unchecked Sendable {
    // Built by the caller, then handed to the loop through its mutex; from there on only the loop's thread touches it.

    /// Why a callback of ours cut the exchange.
    enum Cut {
        case bodyLimit
        case headerLimit
        case sink
        case cancelled
    }

    /// All header lines of one exchange, interim answers and trailers included, must fit.
    static let headerLimit = 64 << 10

    let request: HTTPRequest
    /// Plain http without a Unix socket: only a loopback socket may be opened.
    let isLoopbackOnly: Bool
    private let finish: @Sendable (HTTPExchange) -> Void

    /// A connection stands and request bytes are about to be written, or were.
    private(set) var mayHaveLeft = false
    private(set) var cut: Cut?
    /// Request headers in libcurl's form; wiped with the flight.
    var headerList: UnsafeMutablePointer<curl_slist>?
    /// Where libcurl puts its message.
    let errorText: UnsafeMutablePointer<CChar>
    /// Becomes 1 when a socket was not opened because of where it leads.
    let isSocketRefused: UnsafeMutablePointer<Int32>

    private var easy: UnsafeMutableRawPointer?
    private var part = 0
    private var offsetInPart = 0
    private var headers = HTTPHeaders()
    private var headerBytes = 0
    /// The final answer's headers came to their empty line.
    private(set) var headersEnded = false
    private var body: [UInt8] = []

    init(request: HTTPRequest, isLoopbackOnly: Bool, finish: @escaping @Sendable (HTTPExchange) -> Void) {
        self.request = request
        self.isLoopbackOnly = isLoopbackOnly
        self.finish = finish
        self.errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        self.isSocketRefused = .allocate(capacity: 1)
        isSocketRefused.initialize(to: 0)
    }

    deinit {
        ccurl_wipe_headers(headerList)
        errorText.deallocate()
        isSocketRefused.deallocate()
    }

    /// Where its sockets may lead.
    var guardOfSockets: ccurl_guard {
        if request.isForeign { return CCURL_FAR }
        return isLoopbackOnly ? CCURL_LOOPBACK : CCURL_ANY
    }

    func begin(on easy: UnsafeMutableRawPointer) { self.easy = easy }

    /// Hands the outcome to whoever waits. Called once.
    func end(_ exchange: HTTPExchange) { finish(exchange) }

    func cancel() { cut = .cancelled }

    /// The answer so far.
    func answer(truncated: Bool) -> HTTPAnswer {
        HTTPAnswer(status: status, headers: headers, body: body, bodyTruncated: truncated)
    }

    /// The status of the latest answer, an interim one too; 0 before any.
    var status: Int { easy.map { Int(ccurl_status($0)) } ?? 0 }

    // MARK: - Callbacks

    /// The request's next bytes, copied into libcurl's send buffer.
    fileprivate func supply(_ target: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        var written = 0
        while written < capacity, part < request.bodyParts.count {
            let left = request.bodyParts[part].count - offsetInPart
            let count = min(left, capacity - written)
            request.bodyParts[part].withUnsafeBytes { bytes in
                guard count > 0, let base = bytes.baseAddress else { return }
                (target + written).copyMemory(from: base + offsetInPart, byteCount: count)
            }
            written += count
            offsetInPart += count
            if offsetInPart == request.bodyParts[part].count {
                part += 1
                offsetInPart = 0
            }
        }
        return written
    }

    /// libcurl starts the body again, on a fresh connection after a kept one turned out to be closed: the same bytes.
    fileprivate func rewind(to offset: Int) -> Bool {
        guard offset >= 0, offset <= request.bodyCount else { return false }
        part = 0
        offsetInPart = offset
        while part < request.bodyParts.count, offsetInPart >= request.bodyParts[part].count {
            offsetInPart -= request.bodyParts[part].count
            part += 1
        }
        return true
    }

    fileprivate func depart() { mayHaveLeft = true }

    /// One header line with its line end. Returns false to cut the exchange.
    fileprivate func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= Self.headerLimit else {
            cut = .headerLimit
            return false
        }
        if headersEnded { return true }
        let text = line.prefix { $0 != 0x0D && $0 != 0x0A }
        if text.isEmpty {
            headersEnded = status >= 200
        } else if text.starts(with: "HTTP/".utf8), !text.contains(0x3A) {
            headers = HTTPHeaders()
        } else if let colon = text.firstIndex(of: 0x3A) {
            headers.append(
                String(decoding: text[..<colon], as: UTF8.self),
                String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self))
        }
        return true
    }

    /// A piece of the body. Returns false to cut the exchange.
    fileprivate func takeBody(_ chunk: UnsafeRawBufferPointer) -> Bool {
        headersEnded = true
        if let sink = request.sink, (200..<300).contains(status) {
            if sink(status, chunk) { return true }
            cut = .sink
            return false
        }
        let room = max(0, request.bodyLimit - body.count)
        body.append(contentsOf: chunk.prefix(room))
        if chunk.count <= room { return true }
        cut = .bodyLimit
        return false
    }

    private static func trimmed(_ value: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        let front = value.drop { $0 == 0x20 || $0 == 0x09 }
        guard let last = front.lastIndex(where: { $0 != 0x20 && $0 != 0x09 }) else { return front }
        return front[...last]
    }
}

// MARK: - What libcurl calls

/// The callbacks' context is the flight, which the loop keeps alive for as long as its handle is in the multi handle.
private func flight(_ context: UnsafeMutableRawPointer?) -> CurlFlight? {
    context.map { Unmanaged<CurlFlight>.fromOpaque($0).takeUnretainedValue() }
}

extension CurlFlight {
    // A number of bytes other than the given one cuts the transfer; zero would not do for an empty piece.

    static let receiveBody: ccurl_receive = { bytes, size, count, context in
        guard let flight = flight(context), let bytes else { return 0 }
        let length = size * count
        return flight.takeBody(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : length &+ 1
    }

    static let receiveHeader: ccurl_receive = { bytes, size, count, context in
        guard let flight = flight(context), let bytes else { return 0 }
        let length = size * count
        return flight.takeHeader(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : length &+ 1
    }

    static let supplyBody: ccurl_supply = { bytes, size, count, context in
        guard let flight = flight(context), let bytes else { return 0 }
        return flight.supply(bytes, size * count)
    }

    static let rewindBody: ccurl_rewind = { context, offset, origin in
        guard let flight = flight(context), origin == SEEK_SET, flight.rewind(to: Int(offset)) else {
            return CURL_SEEKFUNC_FAIL
        }
        return CURL_SEEKFUNC_OK
    }

    static let departure: ccurl_departure = { context, _, _, _, _ in
        flight(context)?.depart()
        return CURL_PREREQFUNC_OK
    }
}
