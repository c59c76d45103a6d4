import Control
import Testing

@testable import ControlServer

/// What a client of the control socket may say, and what it may not.
@Suite struct ControlRequestTests {
    private func request(_ text: String) throws -> ControlRequest { try ControlRequest(head: Array(text.utf8)) }

    @Test func aRequestIsReadOnce() throws {
        let request = try request("GET /v1/users?id=100%25&id=50%2541&x HTTP/1.1\r\nHost: localhost\r\ncontent-length: 12")
        #expect(request.method == "GET" && request.path == ["v1", "users"] && request.contentLength == 12 && request.keepsAlive)
        // Percent signs stand for one byte, once: a user id may hold them.
        #expect(request.list("id") == ["100%", "50%41"])
        #expect(request.value("x") == "" && request.value("y") == nil)
        #expect(throws: Refusal.self) { try request.required("y") }
    }

    @Test(arguments: [
        ("GET /v1/a%2Fb/c HTTP/1.1", ["v1", "a/b", "c"]), ("POST //v1///x HTTP/1.1", ["v1", "x"]), ("GET / HTTP/1.1", []),
        ("GET /v1/%F0%9F%98%80 HTTP/1.1", ["v1", "😀"]), ("GET /v1/a+b HTTP/1.0", ["v1", "a+b"]),
    ])
    func paths(_ line: String, _ path: [String]) throws { #expect(try request(line).path == path) }

    @Test(arguments: [
        "", "GET", "GET /", "GET  / HTTP/1.1", "GET http://x/ HTTP/1.1", "GET / HTTP/2", "GET / HTTP/1.1 x", "\0\0\0", "SSH-2.0-x",
        "GET /%zz HTTP/1.1", "GET /% HTTP/1.1", "GET /%4 HTTP/1.1", "GET /%ff HTTP/1.1", "GET /?a=%C3 HTTP/1.1",
        "POST / HTTP/1.1\r\nContent-Length: -1", "POST / HTTP/1.1\r\nContent-Length: many", "POST / HTTP/1.1\r\nContent-Length: 1048577",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked",
    ])
    func refused(_ text: String) { #expect(throws: Refusal.self) { try request(text) } }

    @Test func connectionsEndWhenTheyAreAskedTo() throws {
        #expect(try !request("GET / HTTP/1.1\r\nConnection: Close").keepsAlive)
        #expect(try !request("GET / HTTP/1.0").keepsAlive)
    }

    @Test("no bytes at all make a trap", arguments: 0..<20)
    func random(_ seed: UInt64) {
        var state = seed &* 6_364_136_223_846_793_005 &+ 1
        let pieces = ["GET ", "/v1/", "?", "=", "%", "%2", "HTTP/1.1", "\r\n", ":", "Content-Length", " ", "\0", "ü", "&", "\n"]
        for _ in 0..<500 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            _ = try? request(text)
        }
    }
}
