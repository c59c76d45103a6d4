import Foundation

/// Purchases with a day: those of the file that `ROLLCALL_PURCHASES` names (columns `user_id,day,items,amount`), else
/// generated ones, the same every time.
struct Purchases {
    struct Purchase {
        let user: String
        let day: String
        let amount: String
    }

    let all: [Purchase]
    /// The days to move to, two weeks apart from 1 February 1997.
    let days: [String]

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        let steps: Int
        if let path = environment["ROLLCALL_PURCHASES"] {
            all = String(decoding: bytes(at: path), as: UTF8.self).split(whereSeparator: \.isNewline).dropFirst().map {
                let fields = $0.split(separator: ",").map(String.init)
                return Purchase(user: fields[0], day: fields[1], amount: fields[3])
            }
            steps = 34
        } else {
            all = Self.generated()
            steps = 8
        }
        let count = environment["ROLLCALL_STEPS"].flatMap { Int($0) } ?? steps
        days = (0..<count).map { Self.day(31 + 14 * $0) }
    }

    /// Customers who come back more or less often, some of them never, over 18 months.
    private static func generated() -> [Purchase] {
        var state: UInt64 = 0x1997_0201
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var purchases: [Purchase] = []
        for number in 1...1_200 {
            let text = String(number)
            let user = String(repeating: "0", count: 5 - text.count) + text
            var day = random(84)
            let pause = [9, 25, 60, 200, 10_000][random(5)]
            while day < 540 {
                purchases.append(Purchase(
                    user: user, day: Self.day(day), amount: "\(5 + random(60)).\(10 + random(90))"))
                day += 1 + random(2 * pause)
            }
        }
        return purchases
    }

    /// The date so many days after 1 January 1997.
    private static func day(_ number: Int) -> String {
        var rest = number
        for year in 1997... {
            for (month, usual) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                let length = month == 1 && year % 4 == 0 ? 29 : usual
                if rest < length {
                    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
                    return "\(year)-\(two(month + 1))-\(two(rest + 1))"
                }
                rest -= length
            }
        }
        return ""
    }
}
