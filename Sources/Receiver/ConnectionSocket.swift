import FlyingFox
import FlyingSocks
import Glibc

/// The socket under a request. FlyingFox does not hand it out, but a rehearsed reset and `100 Continue` need it.
///
/// It is found among the process's open files by both its ends, which name one connection. It stays open while its
/// request is handled, so that it cannot become another's meanwhile. Looking takes microseconds and is rarely needed.
struct ConnectionSocket {
    private let socket: Socket

    /// The connection from `remote` to our `port`; nil when it is gone.
    init?(from remote: HTTPRequest.Address?, to port: UInt16) {
        guard let remote else { return nil }
        let found = Self.first { socket in
            guard let peer = try? socket.remotePeer(), HTTPRequest.Address.make(from: peer) == remote else {
                return false
            }
            return Self.port(of: socket) == port
        }
        guard let found else { return nil }
        socket = found
    }

    /// Lets the connections that come in on `port` send at once.
    ///
    /// FlyingFox writes an answer in two pieces, header and body. By default the kernel holds the second one back until
    /// the first is acknowledged, which the other side may put off for 40 ms (Nagle's algorithm, delayed
    /// acknowledgement). On Linux a connection inherits TCP_NODELAY from the socket that listens.
    static func sendAtOnce(on port: UInt16) {
        let found = first { socket in
            var isListening: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            let status = getsockopt(socket.file.rawValue, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size)
            return status == 0 && isListening == 1 && Self.port(of: socket) == port
        }
        var yes: Int32 = 1
        guard let found else { return }
        setsockopt(found.file.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Makes the next close a reset: whatever was not sent is thrown away and the other side gets RST.
    func resetOnClose() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket.file.rawValue, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }

    /// Tells a client that waits for it to go on and send its body (RFC 9110 §10.1.1).
    func sendContinue() {
        let text = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        _ = send(socket.file.rawValue, text, text.count, Int32(MSG_NOSIGNAL))
    }

    private static func port(of socket: Socket) -> UInt16? {
        switch try? socket.sockname() {
        case .ip4(_, let port), .ip6(_, let port): port
        default: nil
        }
    }

    /// The first open file of this process that is what is looked for.
    private static func first(_ isIt: (Socket) -> Bool) -> Socket? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let number = Int32(name) else { continue }
            let socket = Socket(file: .init(rawValue: number))
            if isIt(socket) { return socket }
        }
        return nil
    }
}
