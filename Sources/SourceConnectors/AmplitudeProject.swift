import CCrypto
import Foundation
import HTTPClient
import Secrets

/// Where an Amplitude project is reached, and with which keys.
package struct AmplitudeProject: Sendable {
    /// The region's base address, or the configured endpoint: the only host that ever gets the keys.
    let endpoint: WebAddress
    /// `Basic …` of API key and secret key.
    let authorization: String
    /// Names the project without its keys: a digest of address and API key.
    package let digest: String
    /// Tells these keys, as they are configured now, from any others: a keyed digest that says nothing of them.
    let fingerprint: String
    /// Texts that must not be repeated from an answer.
    private let withheld: [String]

    /// - Parameters:
    ///   - salt: this install's own random bytes, for the fingerprint.
    ///   - revision: of the configuration; another one gives another fingerprint.
    package init(endpoint: WebAddress, apiKey: Secret, secretKey: Secret, salt: [UInt8] = [], revision: String = "") {
        self.endpoint = endpoint
        let pair = apiKey.reveal() + [UInt8(ascii: ":")] + secretKey.reveal()
        let encoded = Data(pair).base64EncodedString()
        authorization = "Basic " + encoded
        digest = Self.digest(of: Array(endpoint.text.utf8) + [0] + apiKey.reveal())
        fingerprint = Self.digest(of: Array((endpoint.text + "\0" + revision + "\0").utf8) + pair, salt: salt)
        withheld = [apiKey.revealText(), secretKey.revealText(), encoded].filter { $0.utf8.count >= 4 }
    }

    private static func digest(of bytes: [UInt8]) -> String {
        var state = ccrypto_sha256()
        ccrypto_sha256_init(&state)
        bytes.withUnsafeBytes { ccrypto_sha256_update(&state, $0.baseAddress, $0.count) }
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&state, &digest)
        return hex(digest.prefix(8))
    }

    private static func digest(of bytes: [UInt8], salt: [UInt8]) -> String {
        var mac = [UInt8](repeating: 0, count: 32)
        ccrypto_hmac_sha256(salt, salt.count, bytes, bytes.count, &mac)
        return hex(mac[...])
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A request to the project's own host, with its keys.
    func request(_ path: String) -> HTTPRequest {
        var request = HTTPRequest(url: endpoint.appending(path: path))
        request.headers = [
            (name: "Authorization", value: authorization), (name: "Accept", value: "application/json"),
        ]
        request.isCancellable = true
        return request
    }

    /// What a server wrote, fit to be shown: one line, without the keys should it echo them.
    func quote(_ body: [UInt8]) -> String {
        let text = QuotedText.quote(body.prefix(4_096), limit: 300)
        return withheld.contains { text.contains($0) } ? "an answer that repeats a key" : text
    }
}

/// Text as one segment of a path, whatever it holds.
enum PathSegment {
    /// Nil for what cannot be a segment of its own: nothing, `.` and `..`, and more than 512 bytes.
    static func escape(_ text: String) -> String? {
        guard !text.isEmpty, text != ".", text != "..", text.utf8.count <= 512 else { return nil }
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// RFC 3986 §2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }
}
