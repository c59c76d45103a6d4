import Glibc

/// Sees to it that nobody but this user and root is served. The modes of the folder and the socket keep others from
/// connecting at all; this is the second look, with the credentials the kernel noted when a connection was made.
///
/// FlyingFox does not hand out the connection under a request, so every Unix connection this process accepted is looked at.
/// That takes microseconds: there are few.
enum StrangerWatch {
    /// `struct ucred` of unix(7), which glibc's module does not export.
    private struct PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
    }

    /// Shuts down every connection of another user.
    /// - Returns: whether there was one; the request at hand may be theirs and is not answered then.
    static func expelStrangers() -> Bool {
        guard let directory = opendir("/proc/self/fd") else { return true }
        defer { closedir(directory) }
        var found = false
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let descriptor = Int32(name), isStranger(descriptor) else { continue }
            shutdown(descriptor, Int32(SHUT_RDWR))
            found = true
        }
        return found
    }

    private static func isStranger(_ descriptor: Int32) -> Bool {
        var address = sockaddr()
        var length = socklen_t(MemoryLayout<sockaddr>.size)
        guard getsockname(descriptor, &address, &length) == 0, address.sa_family == sa_family_t(AF_UNIX) else {
            return false
        }
        var peer = PeerCredentials()
        var size = socklen_t(MemoryLayout<PeerCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer.pid != 0 else { return false }
        return peer.uid != geteuid() && peer.uid != 0
    }
}
