import HTTPClient
import Scheduling
import SyncEngine
import Testing

@testable import DestinationConnectors

@Suite struct RetryAfterTests {
    @Test(
        arguments: [
            ("1", 1), ("0", 1), ("300", 300), ("301", 300), ("1000000000", 300), ("99999999999999999999999999", 300),
            ("-1", 1), ("-99999999999999999999999999", 1), ("007", 7), (" 12\t", 12),
            ("Sun, 01 Mar 2026 12:00:10 GMT", 10), ("Sunday, 01-Mar-26 12:00:10 GMT", 10),
            ("Sun Mar  1 12:00:10 2026", 10),
            ("sun, 01 mar 2026 12:00:10 gmt", 10), ("Sun, 1 Mar 2026 12:00:10 UTC", 10),
            ("Sun, 01 Mar 2026 11:00:00 GMT", 1), ("Sun, 06 Nov 1994 08:49:37 GMT", 1),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 1),
            ("Sun Nov  6 08:49:37 1994", 1), ("Fri, 31 Dec 9999 23:59:60 GMT", 300),
            ("Mon, 02 Mar 2026 12:00:00 GMT", 300),
            ("Sun, 01 Mar 2026 12:04:59 GMT", 299),
            ("", nil), ("soon", nil), ("1.5", nil), ("+5", nil), ("5s", nil), ("1e9", nil), ("0x10", nil), ("--5", nil),
            ("-", nil),
            ("5, 10", nil), ("Sun, 01 Mar 2026 12:00:10", nil), ("Sun, 01 Mar 2026 12:00:10 PST", nil),
            ("Sun, 32 Mar 2026 12:00:10 GMT", nil), ("Sun, 29 Feb 2026 12:00:10 GMT", nil),
            ("Sun, 00 Mar 2026 12:00:10 GMT", nil),
            ("Sun, 01 Foo 2026 12:00:10 GMT", nil), ("Sun, 01 Mar 2026 24:00:10 GMT", nil),
            ("Sun, 01 Mar 2026 12:60:10 GMT", nil),
            ("Sun, 01 Mar 2026 12:00:61 GMT", nil), ("Sun, 01 Mar 2026 1:00:10 GMT", nil),
            ("Sun, 01 Mar 2026 12:00 GMT", nil),
            ("Sun, 01 Mar 99999 12:00:10 GMT", nil), ("Sun, 01 Mar 202 12:00:10 GMT", nil), ("٣", nil),
            ("2026-03-01T12:00:10Z", nil),
        ] as [(String, Int64?)])
    func headerForms(text: String, seconds: Int64?) {
        #expect(RetryAfterHeader.parse(text, now: .noon)?.milliseconds == seconds.map { $0 * 1000 })
    }

    @Test func anyTextGivesNothingOrOneTo300Seconds() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        let words = [
            "Sun", ",", " ", "06", "Nov", "1994", "94", ":", "08:49:37", "GMT", "-", "9", "\u{0}", "é", "Mar", "2026",
        ]
        var some = 0
        for _ in 0..<50_000 {
            let text = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
                words.randomElement(using: &generator) ?? ""
            }.joined()
            let now = Instant(
                milliseconds: Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &generator))
            guard let wait = RetryAfterHeader.parse(text, now: now) else { continue }
            some += 1
            #expect((1_000...300_000).contains(wait.milliseconds), "seed \(seed): \(text)")
        }
        #expect(some > 100)
    }

    @Test func datesAgreeWithTheTimestampWriter() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        for _ in 0..<5_000 {
            let seconds = Int64.random(in: 0...4_000_000_000, using: &generator)
            let text = String(decoding: TimestampText.text(of: Instant(seconds: seconds)), as: UTF8.self)
            let parts = text.split { "-T.:Z".contains($0) }.map(String.init)
            let month = months[(Int(parts[1]) ?? 1) - 1]
            let time = "\(parts[3]):\(parts[4]):\(parts[5])"
            let fixed = "Xxx, \(parts[2]) \(month) \(parts[0]) \(time) GMT"
            #expect(HTTPDate.seconds(Array(fixed.utf8)) == seconds, "seed \(seed)")
            let asctime = "Xxx \(month) \(parts[2].replacing(/^0/, with: " ")) \(time) \(parts[0])"
            #expect(HTTPDate.seconds(Array(asctime.utf8)) == seconds, "seed \(seed)")
            if seconds < 3_155_760_000 {
                let dashed = "Xxxday, \(parts[2])-\(month)-\(parts[0].suffix(2)) \(time) GMT"
                #expect(HTTPDate.seconds(Array(dashed.utf8)) == seconds, "seed \(seed)")
            }
        }
    }

    @Test func extremeResetsNeverTrap() {
        for text in ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "1000000000", "0", "x", ""] {
            for moment in [Instant(milliseconds: .min), .noon, Instant(milliseconds: .max)] {
                let wait = RetryAfterHeader.rateLimitReset(in: HTTPHeaders([("x-ratelimit-reset", text)]), now: moment)
                #expect(wait.map { (1_000...300_000).contains($0.milliseconds) } ?? (text == "x" || text.isEmpty))
            }
        }
    }
}
