/// One request to be made. Printing or dumping it shows the method and the address, never headers or body, since those
/// hold credentials and user ids.
package struct HTTPRequest: Sendable {
    /// A method in capitals: `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`.
    package var method: String
    /// An absolute address: https, or http to a loopback host or over a Unix socket; no user, no fragment.
    package var url: String
    /// Sent besides `User-Agent`, `Accept`, `Host` and `Content-Length`. Names are tokens, values hold no control
    /// characters.
    package var headers: [(name: String, value: String)]
    /// The body in parts that are sent one after the other, so that an envelope need not be copied around its content.
    package var bodyParts: [[UInt8]]
    /// Connect to this socket instead of the address's host; the address still gives `Host` and the path.
    package var unixSocketPath: String?
    /// Name look-up, connection and TLS handshake together.
    package var connectTimeoutMilliseconds: Int = 10_000
    /// From the start to the last byte of the answer, whatever drips in between; nil for a stream without end.
    package var deadlineMilliseconds: Int? = 30_000
    /// The exchange is given up when fewer than one byte a second comes or goes for this long, in seconds; nil for no
    /// such limit.
    package var stallSeconds: Int?
    /// The largest body that is kept; an answer with a longer one is cut there.
    package var bodyLimit: Int = 64 << 10
    /// Whether the address comes from an answer and not from the configuration: then no socket to this machine, to a link-local
    /// address or to a cloud's metadata service is opened, whatever the host's name resolves to.
    package var isForeign = false
    /// Whether cancelling the task aborts the exchange.
    package var isCancellable = false
    /// Takes the body of a 2xx answer chunk by chunk instead of keeping it, with the status; false cuts the exchange.
    ///
    /// Called on the transport's own thread, where every other exchange waits meanwhile: hand the bytes on and return.
    /// They are valid only during the call.
    package var sink: (@Sendable (_ status: Int, _ chunk: UnsafeRawBufferPointer) -> Bool)?

    package init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        unixSocketPath: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.bodyParts = body.isEmpty ? [] : [body]
        self.unixSocketPath = unixSocketPath
    }

    /// The parts as one; setting it replaces them.
    package var body: [UInt8] {
        get { bodyParts.count == 1 ? bodyParts[0] : Array(bodyParts.joined()) }
        set { bodyParts = newValue.isEmpty ? [] : [newValue] }
    }

    /// The body's length in bytes.
    package var bodyCount: Int { bodyParts.reduce(0) { $0 + $1.count } }
}

extension HTTPRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "\(method) \(url)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["request": description]) }
}
