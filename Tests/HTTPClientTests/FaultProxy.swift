import Glibc

/// What a proxy between us and a good server does to one connection, in toxiproxy's words and two of ours.
enum Toxic: Sendable {
    /// Each piece waits this long, in milliseconds.
    case latency(Int32)
    /// At most so many bytes every ten milliseconds.
    case bandwidth(Int)
    /// Pieces of so many bytes, each sent alone.
    case slicer(Int)
    /// So many bytes of the answer pass, then the connection is closed.
    case limitData(Int)
    /// So many bytes of the answer pass, then it is reset.
    case resetPeer(Int)
    /// The connection stays open this long after the answer, in milliseconds.
    case slowClose(Int32)
    /// Nothing passes, either way.
    case timeout
    /// The server gets the request; its answer is kept back.
    case swallow
    /// The server gets the same request once more, later, from nobody.
    case duplicate
}

/// A TCP proxy with one toxic, as the script of a ``HostileServer``: bytes are passed on as they are.
struct FaultProxy: Sendable {
    let toxic: Toxic
    let upstream: HostileServer

    /// Serves one connection until either end is done with it.
    func serve(_ peer: Peer) {
        if case .timeout = toxic {
            peer.waitForHangUp(milliseconds: 10_000)
            return
        }
        guard let request = peer.request() else { return }
        let sent = Array(request.head.utf8) + request.body
        guard let server = connect() else { return }
        defer { close(server) }
        guard write(sent, to: server) else { return }
        relay(from: server, to: peer)
        if case .duplicate = toxic, let again = connect() {
            _ = write(sent, to: again)
            var byte: UInt8 = 0
            _ = recv(again, &byte, 1, 0)
            close(again)
        }
    }

    private func relay(from server: Int32, to peer: Peer) {
        var passed = 0
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(server, &piece, piece.count, 0), count > 0 {
            switch toxic {
            case .swallow:
                peer.waitForHangUp(milliseconds: 10_000)
                return
            case .latency(let milliseconds):
                if peer.waitForHangUp(milliseconds: milliseconds) { return }
                peer.send(Array(piece[..<count]))
            case .bandwidth(let size), .slicer(let size):
                for start in stride(from: 0, to: count, by: size) {
                    if case .bandwidth = toxic, peer.waitForHangUp(milliseconds: 10) { return }
                    guard peer.send(Array(piece[start..<min(count, start + size)])) else { return }
                }
            case .limitData(let limit), .resetPeer(let limit):
                peer.send(Array(piece[..<min(count, limit - passed)]))
                passed += count
                guard passed >= limit else { continue }
                if case .resetPeer = toxic { peer.reset() }
                return
            default: peer.send(Array(piece[..<count]))
            }
        }
        if case .slowClose(let milliseconds) = toxic { peer.waitForHangUp(milliseconds: milliseconds) }
    }

    private func connect() -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(upstream.port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if connected { return descriptor }
        close(descriptor)
        return nil
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
