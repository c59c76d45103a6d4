import Testing

@testable import Scheduling

@Suite struct TZifTests {
    private static let newYork: TZifBuilder = {
        var builder = TZifBuilder()
        builder.times = [1_000_000_000, 1_100_000_000]
        builder.kindOfTime = [1, 0]
        builder.kinds = [(-18_000, 0, 0), (-14_400, 1, 4)]
        builder.names = Array("EST\0EDT\0".utf8)
        builder.footer = "\nEST5EDT,M3.2.0,M11.1.0\n"
        return builder
    }()

    @Test func theTableComesBeforeTheRule() throws {
        let table = try TZif.parse(Self.newYork.bytes)
        #expect(table.offset(at: 999_999_999) == -18_000)
        #expect(table.offset(at: 1_000_000_000) == -14_400)
        #expect(table.offset(at: 1_100_000_000) == -18_000)
        let zone = Zone(identifier: "Test/York", table: table)
        #expect(try zone.offset(at: instant("2026-03-08T06:59:59Z")) == -18_000)
        #expect(try zone.offset(at: instant("2026-03-08T07:00:00Z")) == -14_400)
        #expect(try zone.offset(at: instant("2026-11-01T05:59:59Z")) == -14_400)
        #expect(try zone.offset(at: instant("2026-11-01T06:00:00Z")) == -18_000)
        #expect(try zone.abbreviation(at: instant("2026-11-01T05:59:59Z")) == "EDT")
    }

    /// Where the last transition and the rule disagree, the transition holds until the rule's next change.
    @Test func theLastTransitionOutlivesTheRule() throws {
        var builder = Self.newYork
        // 30 October 2022, while the rule has summer time until 6 November.
        builder.times = [1_000_000_000, 1_667_116_800]
        let zone = Zone(identifier: "Test/Ojinaga", table: try TZif.parse(builder.bytes))
        #expect(try zone.offset(at: instant("2022-11-02T00:00:00Z")) == -18_000)
        #expect(try zone.offset(at: instant("2023-07-01T00:00:00Z")) == -14_400)
    }

    @Test func withoutARuleTheLastKindStays() throws {
        var builder = Self.newYork
        builder.footer = "\n\n"
        let table = try TZif.parse(builder.bytes)
        #expect(table.offset(at: 1_785_000_000) == -18_000)
        #expect(table.piece(at: 1_785_000_000).end == ZoneTable.end)
    }

    @Test(arguments: [
        // From RFC 9636 and POSIX: name, rule, instant, offset.
        ("EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", -14_400),
        ("EST5EDT,0/0,J365/25", "2026-12-31T23:00:00Z", -14_400),
        ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T00:59:59Z", -10_800),
        ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T01:00:00Z", -7200),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-15T00:00:00Z", 0),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-15T00:00:00Z", 3600),
        ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", 10_800),
        ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-26T23:59:59Z", 7200),
        ("AAA-5:30:15BBB,J60,J300", "2024-03-01T00:00:00Z", 23_415),
        ("AAA0BBB,59/0,300", "2024-02-29T00:00:00Z", 3600),
        ("AAA0BBB,J60/0,300", "2024-02-29T23:59:59Z", 0),
        ("<+0330>-3:30", "2026-01-01T00:00:00Z", 12_600),
    ])
    func rules(text: String, at time: String, offset: Int) throws {
        var builder = TZifBuilder()
        builder.footer = "\n\(text)\n"
        let zone = Zone(identifier: "Test/Rule", table: try TZif.parse(builder.bytes))
        #expect(try zone.offset(at: instant(time)) == offset)
    }

    @Test(arguments: [
        "E5", "EST", "EST5EDT", "EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,M13.1.0", "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,M3.0.0,M11.1.0", "EST5EDT,J0,J1", "EST5EDT,J366,J1", "EST5EDT,366,1",
        "EST25", "EST5:60", "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0x", "<EST5", "<>5", "EST5 ",
        "EST99999999999999999999", "EST-24EDT-26,0,1", "ABCDEFGHIJKLMNOPQ5", String(repeating: "A", count: 200),
    ])
    func unsoundRulesAreRefused(text: String) {
        var builder = TZifBuilder()
        builder.footer = "\n\(text)\n"
        #expect(throws: TZif.Refusal.self) { try TZif.parse(builder.bytes) }
    }

    @Test func unsoundFilesAreRefused() {
        func refused(_ why: String, _ change: (inout TZifBuilder) -> Void) {
            var builder = Self.newYork
            change(&builder)
            #expect(throws: TZif.Refusal.self, "\(why)") { try TZif.parse(builder.bytes) }
        }
        refused("version 1") { $0.version = 0 }
        refused("out of order") { $0.times.reverse() }
        refused("twice the same time") { $0.times[1] = $0.times[0] }
        refused("out of range") { $0.times[0] = .min }
        refused("kind that is not there") { $0.kindOfTime[0] = 2 }
        refused("offset of a day") { $0.kinds[0].offset = 93_600 }
        refused("offset of a day west") { $0.kinds[0].offset = .min }
        refused("name outside") { $0.kinds[0].name = 8 }
        refused("name without end") { $0.names[7] = 65 }
        refused("name with an escape") { $0.names[0] = 27 }
        refused("name too long") { $0.names = [UInt8](repeating: 65, count: 17) + [0] }
        refused("no kind") { $0.kinds = [] }
        refused("no footer") { $0.footer = "" }
        refused("footer without end") { $0.footer = "\nEST5" }
        refused("too many transitions") {
            $0.times = (0...2000).map { Int64($0) }
            $0.kindOfTime = $0.times.map { _ in 0 }
        }
        #expect(throws: TZif.Refusal.self) { try TZif.parse([]) }
        #expect(throws: TZif.Refusal.self) { try TZif.parse([UInt8](repeating: 0, count: TZif.largestFile + 1)) }
        #expect(throws: TZif.Refusal.self) { try TZif.parse(Array("TZif2".utf8) + [UInt8](repeating: 255, count: 100)) }
    }

    @Test func everyTruncationIsRefused() {
        let bytes = Self.newYork.bytes
        let accepted = (0..<bytes.count).filter { (try? TZif.parse(Array(bytes.prefix($0)))) != nil }
        #expect(accepted.isEmpty)
    }

    /// Whatever a changed file says, it is refused or gives a zone that can be asked anything.
    @Test func changedFilesNeverTrap() throws {
        let seed: UInt64 = 21
        var generator = SeededGenerator(seed: seed)
        guard case .found(let berlin) = ZoneFiles.system.read("Europe/Berlin") else {
            Issue.record("no zone data")
            return
        }
        let schedules = try ["30 2 * * *", "*/7 */3 29 2 *"].map { try Schedule.parse($0) }
        var used = 0
        for round in 0..<3000 {
            var bytes = round % 3 == 0 ? berlin : Self.newYork.bytes
            let start = bytes.count == berlin.count ? 700 : 51
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: start..<bytes.count, using: &generator)
                bytes[position] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let table = try? TZif.parse(bytes) else { continue }
            used += 1
            let zone = Zone(identifier: "Test/Changed", table: table)
            for second in [Int64.min / 2000, -1, 1_050_000_000, 1_800_000_000, Int64.max / 2000] as [Int64] {
                let moment = Instant(seconds: second)
                let shown = zone.local(of: moment)
                if case .gap(let after) = zone.instants(of: shown) {
                    #expect(after < moment, "seed \(seed) round \(round)")
                }
                for schedule in schedules {
                    let next = schedule.next(after: moment, in: zone)
                    #expect(next.map { $0.nominal > moment } ?? true, "seed \(seed) round \(round)")
                }
            }
        }
        #expect(used > 300, "seed \(seed): \(used)")
    }
}
