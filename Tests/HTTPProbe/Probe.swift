import Glibc
import HTTPClient

/// Makes the requests that standard input names, one after the other in one process, so that what they cost in memory is
/// nobody else's: a line in is `URL MILLISECONDS BODYBYTES`, a line out is `OUTCOME STATUS MILLISECONDS RESIDENT-KIB`.
@main
struct Probe {
    static func main() async {
        var settings = CurlSettings()
        if let text = getenv("HTTP_PROBE_CONNECTION_LIFE"), let seconds = Int(String(cString: text)) {
            settings.connectionLifeSeconds = seconds
        }
        settings.pinnedCertificates = getenv("HTTP_PROBE_CERTIFICATES").map { String(cString: $0) }
        let transport = CurlTransport(settings)
        let body = [UInt8](repeating: 0x61, count: 8 << 20)
        while let line = readLine() {
            let words = line.split(separator: " ")
            guard words.count == 3, let deadline = Int(words[1]), let count = Int(words[2]) else { continue }
            var request = HTTPRequest(method: "POST", url: String(words[0]))
            request.bodyParts = [count == body.count ? body : Array(body.prefix(count))]
            request.deadlineMilliseconds = deadline
            let start = ContinuousClock.now
            let exchange = await transport.exchange(request)
            let took = (ContinuousClock.now - start) / .milliseconds(1)
            let line = "\(word(for: exchange)) \(Int(took)) \(residentKibibytes())\n"
            _ = write(STDOUT_FILENO, line, line.utf8.count)
        }
    }

    private static func word(for exchange: HTTPExchange) -> String {
        switch exchange {
        case .answer(let answer): "\(answer.bodyTruncated ? "truncated" : "answer") \(answer.status)"
        case .failure(let failure): failure.stage == .notSent ? "notSent 0" : "ambiguous 0"
        }
    }

    /// The second number of `/proc/self/statm` is the resident pages.
    private static func residentKibibytes() -> Int {
        guard let file = fopen("/proc/self/statm", "re") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 200)
        guard fgets(&text, Int32(text.count), file) != nil else { return 0 }
        let words = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * Int(getpagesize()) / 1024 : 0
    }
}
