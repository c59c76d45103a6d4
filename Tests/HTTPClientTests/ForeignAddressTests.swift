import CCurl
import Glibc
import Testing

@testable import HTTPClient

/// An address that an answer gave us leads to no service of this machine or its network, whatever its name resolves to.
@Suite struct ForeignAddressTests {
    /// libcurl itself resolves every name below `localhost` to this machine.
    @Test func aNameThatResolvesToThisMachineIsRefused() async throws {
        let server = HostileServer { peer, _ in peer.waitForHangUp(milliseconds: 5_000) }
        defer { server.stopListening() }
        var request = HTTPRequest(url: "https://files.localhost:\(server.port)/cohort")
        request.deadlineMilliseconds = 2_000
        request.isForeign = true
        let failure = try #require(await CurlTransport().exchange(request).failure)
        #expect(failure.stage == .notSent && failure.isInvalidRequest, "\(failure)")
        #expect(failure.reason.contains("leads to an address of this machine"))
        #expect(server.connections == 0)
        request.isForeign = false
        #expect(await CurlTransport().exchange(request).failure?.isInvalidRequest == false)
        #expect(server.connections == 1, "without the guard the name does lead here")
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("0.0.0.0", true), ("169.254.169.254", true), ("169.254.0.1", true),
        ("224.0.0.1", true), ("255.255.255.255", true), ("100.100.100.200", true), ("8.8.8.8", false), ("10.1.2.3", false),
        ("169.253.1.1", false), ("100.100.100.201", false), ("126.255.255.255", false), ("128.0.0.1", false),
        ("::1", true), ("::", true), ("fe80::1", true), ("fec0::1", true), ("ff02::1", true), ("fd00:ec2::254", true),
        ("::ffff:127.0.0.1", true), ("::ffff:169.254.169.254", true), ("64:ff9b::7f00:1", true), ("2002:7f00:1::", true),
        ("2002:a9fe:a9fe::1", true), ("2001:4860:4860::8888", false), ("::ffff:8.8.8.8", false), ("64:ff9b::808:808", false),
    ])
    func addresses(_ text: String, isNear: Bool) {
        var bytes = [UInt8](repeating: 0, count: 16)
        let family = text.contains(":") ? AF_INET6 : AF_INET
        #expect(inet_pton(family, text, &bytes) == 1)
        #expect((ccurl_is_near(family, bytes) == 1) == isNear)
    }

    @Test func otherFamiliesAreNear() { #expect(ccurl_is_near(AF_UNIX, "") == 1) }
}
