import Testing

@testable import Configuration

struct QuantityTests {
    @Test func exactValues() throws {
        #expect(try Quantity.duration("30s") == 30)
        #expect(try Quantity.duration("5m") == 300)
        #expect(try Quantity.duration("2h") == 7200)
        #expect(try Quantity.duration("1d") == 86_400)
        #expect(try Quantity.duration("0s") == 0)
        #expect(try Quantity.size("256MiB") == 268_435_456)
        #expect(try Quantity.size("1KiB") == 1024)
        #expect(try Quantity.share("20%") == 200_000)
        #expect(try Quantity.share("0.5%") == 5_000)
        #expect(try Quantity.share("0.0001%") == 1)
        #expect(try Quantity.share("33.3333%") == 333_333)
        #expect(try Quantity.multiple("5x") == 5_000_000)
        #expect(try Quantity.multiple("1.5x") == 1_500_000)
        #expect(try Quantity.rate("500/s") == 500)
        #expect(try Quantity.rate("unlimited") == .max)
    }

    @Test(arguments: [
        "", "s", "30", "-5m", "+5m", "5 m", "1.5h", "5M", "05m", "1h30m", "99999999999999999999s",
        "9223372036854775807d", "٣s", "5m\n",
    ])
    func noDuration(text: String) {
        #expect(throws: QuantityComplaint.self) { try Quantity.duration(text) }
    }

    @Test(arguments: ["", "%", "20", "0.2", "101%", "100.0001%", "-1%", "1.%", ".5%", "1.23456%", "1e1%", "20 %"])
    func noShare(text: String) {
        #expect(throws: QuantityComplaint.self) { try Quantity.share(text) }
    }

    @Test(arguments: ["5", "x", "0.5x", "1000001x", "5X", "99999999999999999x", "0/s", "5/m", "5", "/s", "1000001/s"])
    func noMultipleAndNoRate(text: String) {
        #expect(throws: QuantityComplaint.self) { try Quantity.multiple(text) }
        #expect(throws: QuantityComplaint.self) { try Quantity.rate(text) }
    }

    @Test(arguments: ["256MB", "256", "MiB", "1.5GiB", "9999999999GiB", "-1KiB", "256mib"])
    func noSize(text: String) {
        #expect(throws: QuantityComplaint.self) { try Quantity.size(text) }
    }

    @Test func complaintsSayWhatWouldBeRight() {
        #expect(message { try Quantity.size("256MB") }.contains("write 256MiB"))
        #expect(message { try Quantity.share("0.2") }.contains("0.2 is 20%"))
        #expect(message { try Quantity.rate("500") }.contains("write 500/s"))
        #expect(message { try Quantity.duration("30") }.contains("30s, 30m, 30h or 30d"))
        #expect(Quantity.percentage(5_000) == "0.5%")
        #expect(Quantity.percentage(200_000) == "20%")
    }

    private func message(_ body: () throws -> Int) -> String {
        do { return "\(try body())" } catch { return (error as? QuantityComplaint)?.message ?? "" }
    }
}
