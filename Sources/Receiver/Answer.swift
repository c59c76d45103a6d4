import FlyingFox
import FlyingSocks
import Foundation

/// An HTTP answer, in FlyingFox's terms.
struct Answer {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]
    /// Whether the connection ends after it.
    var closes = false

    init(_ status: Int, json: String) {
        self.status = status
        headers = [("Content-Type", "application/json")]
        body = Array(json.utf8)
    }

    // MARK: - Segment's answers

    static let success = Answer(200, json: #"{"success":true}"#)

    /// What Segment says of a body that is no JSON, or too large (SDK code and FAQ).
    static func refusal(_ refusal: Refusal) -> Answer {
        switch refusal {
        case .malformedJSON: failure(400, "malformed JSON")
        case .tooLarge: failure(400, "Exceed payload limit")
        }
    }

    static func failure(_ status: Int, _ message: String, code: String = "invalid_request") -> Answer {
        Answer(status, json: #"{"success":false,"message":"\#(message)","code":"\#(code)"}"#)
    }

    // MARK: - Rehearsed answers

    /// The answer that a rehearsed fault gives; nil when it gives none.
    static func rehearsed(_ action: FaultAction) -> Answer? {
        switch action {
        case .status(let status) where (200...299).contains(status): Answer(status, json: #"{"success":true}"#)
        case .status(let status): failure(status, "rehearsed fault", code: "rehearsed_fault")
        case .successFalse: failure(200, "rehearsed fault", code: "rehearsed_fault")
        case .redirect(let target):
            Answer(307, json: #"{"success":false}"#).adding("Location", target)
        case .html:
            html
        case .reset, .close, .silence: nil
        }
    }

    private static var html: Answer {
        var page = Answer(200, json: "<!DOCTYPE html>\n<html><body><h1>Sign in to this network</h1></body></html>\n")
        page.headers = [("Content-Type", "text/html; charset=utf-8")]
        return page
    }

    func adding(_ name: String, _ value: String?) -> Answer {
        guard let value else { return self }
        var answer = self
        answer.headers.append((name, value))
        return answer
    }

    // MARK: - FlyingFox

    /// - Parameter withoutBody: whether only the header goes out, as HEAD wants it.
    func response(withoutBody: Bool = false) -> HTTPResponse {
        var fields = HTTPHeaders()
        for header in headers { fields[HTTPHeader(header.name)] = header.value }
        let code = HTTPStatusCode(status, phrase: Self.phrase(status))
        if withoutBody || status == 204 || status == 304 {
            if status != 204 { fields[.contentLength] = String(body.count) }
            return HTTPResponse(statusCode: code, headers: fields, body: Data())
        }
        guard closes else { return HTTPResponse(statusCode: code, headers: fields, body: Data(body)) }
        fields[.connection] = "close"
        let last = HTTPBodySequence(from: LastBytes(bytes: body), count: body.count, suggestedBufferSize: 65_536)
        return HTTPResponse(statusCode: code, headers: fields, body: last)
    }

    /// No answer at all: the connection closes without a byte.
    static var none: HTTPResponse { HTTPResponse(webSocket: NoAnswer()) }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 307: "Temporary Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 413: "Payload Too Large"
        case 415: "Unsupported Media Type"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: status < 400 ? "OK" : "Error"
        }
    }
}

/// What ends a connection: FlyingFox closes it when sending an answer fails.
private struct ConnectionEnds: Error {}

/// FlyingFox asks a web socket's handler before it sends the first byte of an answer. This one has none to give.
private struct NoAnswer: WSHandler {
    func makeFrames(for client: AsyncThrowingStream<WSFrame, any Error>) async throws -> AsyncStream<WSFrame> {
        throw ConnectionEnds()
    }
}

/// A body after which the connection ends.
private struct LastBytes: AsyncBufferedSequence {
    typealias Element = UInt8
    let bytes: [UInt8]

    func makeAsyncIterator() -> Iterator { Iterator(rest: bytes[...]) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        var rest: ArraySlice<UInt8>

        mutating func next() async throws -> UInt8? {
            guard let byte = rest.popFirst() else { throw ConnectionEnds() }
            return byte
        }

        mutating func nextBuffer(suggested count: Int) async throws -> ArraySlice<UInt8>? {
            guard !rest.isEmpty else { throw ConnectionEnds() }
            let part = rest.prefix(count)
            rest = rest.dropFirst(count)
            return part
        }
    }
}
