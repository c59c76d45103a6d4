import Testing

@testable import HTTPClient

@Suite struct WebAddressTests {
    @Test(arguments: [
        "https://api.segment.io/v1", "HTTPS://Example.com", "https://h:8443/a/b", "http://localhost:8844/v1",
        "http://127.0.0.1/", "http://127.8.9.10:1/", "http://[::1]:80/x", "https://[2001:db8::1]/",
        "https://a_b.example",
    ])
    func usableBases(text: String) throws {
        let address = try WebAddress(base: text)
        #expect(!address.text.hasSuffix("/"))
        #expect(text.hasPrefix(address.text))
    }

    @Test(arguments: [
        ("api.segment.io", WebAddress.Problem.scheme), ("ftp://h", .scheme), ("https:/h", .scheme), ("", .scheme),
        ("https://", .host), ("https:///v1", .host), ("https://:80", .host), ("https://[::1", .host),
        ("https://[::1]x", .host), ("https://.h", .host), ("https://a%41", .host), ("https://h,i", .host),
        ("https://h:", .port), ("https://h:0", .port), ("https://h:70000", .port), ("https://h:8a", .port),
        ("https://key@h", .credentials), ("https://u:p@h", .credentials),
        ("https://h/?a=b", .queryOrFragment), ("https://h/#a", .queryOrFragment),
        ("https://h/a b", .character), ("https://h/\u{0}", .character), ("https://münchen.example", .character),
        ("https://h\\@i/", .character), ("https://h/{x}", .character), ("\thttps://h", .character),
        ("http://example.com", .plainHTTP), ("http://127.0.0.1.example.com", .plainHTTP),
        ("http://0127.0.0.1", .plainHTTP),
        ("http://127.1", .plainHTTP), ("http://2130706433", .plainHTTP), ("http://128.0.0.1", .plainHTTP),
        ("http://localhost.example", .plainHTTP), ("http://127.0.0.256", .plainHTTP), ("http://[::]", .plainHTTP),
    ])
    func unusableBases(text: String, problem: WebAddress.Problem) {
        #expect(throws: problem) { try WebAddress(base: text) }
    }

    @Test func pathsAreAppended() throws {
        #expect(try WebAddress(base: "https://h/v1///").appending(path: "batch") == "https://h/v1/batch")
        #expect(try WebAddress(base: "https://h").appending(path: "") == "https://h")
    }

    @Test(
        arguments: [
            ("https://evil.example/v1", "evil.example"), ("//evil.example:81?x", "evil.example:81"), ("/login", nil),
            ("https://user:secret@evil.example/", "evil.example"), ("https://", nil), ("", nil),
        ] as [(String, String?)])
    func hostsOfRedirects(location: String, host: String?) {
        #expect(WebAddress.host(ofLocation: location) == host)
    }
}

@Suite struct QuotedTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("  two\r\n\twords ", "two words"), ("\u{1B}[31mred", "[31mred"), ("a\u{202E}b", "a b"),
        ("a\u{200B}\u{200D}b", "a b"), ("é", "é"), ("e\u{301}", "e"), ("\u{9B}x", "x"), ("\u{E0041}", ""),
        ("日本語", "日本語"),
    ])
    func onlyPrintableTextIsQuoted(text: String, quoted: String) {
        #expect(QuotedText.quote(text) == quoted)
    }

    @Test func invalidBytesAndLengthAreBounded() {
        #expect(QuotedText.quote([0xFF, 0x41, 0xC3] as [UInt8]) == "A")
        let long = QuotedText.quote(String(repeating: "x", count: 300))
        #expect(long == String(repeating: "x", count: 200) + "…")
        #expect(QuotedText.quote("abc", limit: 3) == "abc")
        #expect(QuotedText.quote("a bc", limit: 2) == "a…")
    }

    @Test func randomBytesNeverShowAControlCharacter() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let quoted = QuotedText.quote(bytes, limit: 40)
            #expect(quoted.unicodeScalars.count <= 41)
            #expect(
                quoted.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }, "\(bytes)")
        }
    }
}
