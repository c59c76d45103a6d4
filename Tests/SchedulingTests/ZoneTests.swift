import Testing

@testable import Scheduling

@Suite struct ZoneTests {
    @Test(arguments: [
        ("UTC", "2026-07-01T00:00:00Z", 0, "UTC"),
        ("Europe/Berlin", "2026-03-29T00:59:59Z", 3600, "CET"),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", 7200, "CEST"),
        ("Europe/Berlin", "2026-10-25T00:59:59Z", 7200, "CEST"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z", 3600, "CET"),
        ("Europe/Berlin", "1880-01-01T00:00:00Z", 3208, "LMT"),
        ("Europe/Berlin", "2099-07-01T00:00:00Z", 7200, "CEST"),
        ("Europe/Berlin", "9999-12-31T00:00:00Z", 3600, "CET"),
        ("America/New_York", "2026-03-08T07:00:00Z", -14_400, "EDT"),
        ("America/New_York", "2098-03-09T06:59:59Z", -18_000, "EST"),
        ("America/New_York", "2098-03-09T07:00:00Z", -14_400, "EDT"),
        ("Asia/Kolkata", "2026-01-01T00:00:00Z", 19_800, "IST"),
        ("Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39_600, "+11"),
        ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37_800, "+1030"),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", -36_000, "-10"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", 50_400, "+14"),
        ("Europe/Dublin", "2026-07-01T00:00:00Z", 3600, "IST"),
        ("Africa/Casablanca", "2026-01-01T00:00:00Z", 3600, "+01"),
        ("America/Nuuk", "2026-07-01T00:00:00Z", -3600, "-01"),
    ])
    func offsets(name: String, at text: String, offset: Int, abbreviation: String) throws {
        let zone = try Zone.named(name)
        let instant = try instant(text)
        #expect(zone.offset(at: instant) == offset)
        #expect(zone.abbreviation(at: instant) == abbreviation)
        #expect(zone.local(of: instant).count == Int(instant.seconds) + offset)
    }

    @Test func localTimesResolve() throws {
        let berlin = try Zone.named("Europe/Berlin")
        #expect(try berlin.instants(of: local("2026-01-01 00:00")) == .one(instant("2025-12-31T23:00:00Z")))
        let gap = LocalResolution.gap(after: try instant("2026-03-29T01:00:00Z"))
        for clock in ["02:00", "02:30", "02:59"] {
            #expect(try berlin.instants(of: local("2026-03-29 \(clock)")) == gap)
        }
        #expect(try berlin.instants(of: local("2026-03-29 03:00")) == .one(instant("2026-03-29T01:00:00Z")))
        #expect(try berlin.instants(of: local("2026-03-29 01:59")) == .one(instant("2026-03-29T00:59:00Z")))
        let repeated = LocalResolution.repeated(
            first: try instant("2026-10-25T00:30:00Z"), second: try instant("2026-10-25T01:30:00Z"))
        #expect(try berlin.instants(of: local("2026-10-25 02:30")) == repeated)
        #expect(try berlin.instants(of: local("2026-10-25 03:00")) == .one(instant("2026-10-25T02:00:00Z")))
        let samoa = try Zone.named("Pacific/Apia")
        #expect(try samoa.instants(of: local("2011-12-30 12:00")) == .gap(after: instant("2011-12-30T10:00:00Z")))
        let casey = try Zone.named("Antarctica/Casey")
        #expect(
            try casey.instants(of: local("2010-03-05 00:30"))
                == .repeated(first: instant("2010-03-04T13:30:00Z"), second: instant("2010-03-04T16:30:00Z")))
        #expect(try Zone.utc.instants(of: local("2026-03-29 02:30")) == .one(instant("2026-03-29T02:30:00Z")))
    }

    @Test func transitionsAreListed() throws {
        let berlin = try Zone.named("Europe/Berlin")
        let year = try berlin.transitions(from: instant("2026-01-01"), to: instant("2027-01-01"))
        #expect(year.map(\.at.rfc3339Seconds) == ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"])
        #expect(year.map(\.jump) == [3600, -3600])
        #expect(year.map(\.localBefore.clock) == ["02:00", "03:00"])
        #expect(year.map(\.localAfter.clock) == ["03:00", "02:00"])
        #expect(year.map(\.abbreviationAfter) == ["CEST", "CET"])
        // Both ends belong to the range, to the millisecond.
        let spring = try instant("2026-03-29T01:00:00Z")
        #expect(berlin.transitions(from: spring, to: spring).count == 1)
        #expect(berlin.transitions(from: spring.advanced(milliseconds: 1), to: spring.advanced(seconds: 9)).isEmpty)
        #expect(berlin.transitions(from: spring, to: spring.advanced(milliseconds: -1)).isEmpty)
        #expect(Zone.utc.transitions(from: Instant(milliseconds: .min), to: Instant(milliseconds: .max)).isEmpty)
        let all = berlin.transitions(from: Instant(milliseconds: .min), to: Instant(milliseconds: .max))
        #expect(all.count > 15_000 && all.count < 17_000)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.at < $1.at && $0.offsetAfter == $1.offsetBefore })
    }

    @Test func identityIsTheName() throws {
        #expect(try Zone.named("Europe/Berlin") == Zone.named("Europe/Berlin"))
        #expect(try Zone.named("Europe/Berlin") != Zone.named("Europe/Paris"))
        #expect(try Set([Zone.named("Etc/UTC"), .utc, .utc]).count == 2)
    }

    @Test func utcNeedsNoData() throws {
        let nowhere = ZoneFiles(directory: "/nonexistent")
        #expect(try Zone.named("UTC", in: nowhere) == .utc)
        #expect(try Zone.named("Etc/UTC", in: nowhere).offset(at: Instant(seconds: 0)) == 0)
        #expect(throws: ZoneError.noData(directory: "/nonexistent")) { try Zone.named("Europe/Berlin", in: nowhere) }
        #expect(nowhere.identifiers() == ["UTC"])
    }

    @Test(arguments: [
        "", " ", "/etc/passwd", "../../etc/passwd", "Europe/../Berlin", "./Berlin", "Europe//Berlin", "Europe/Berlin/",
        "/Europe/Berlin", "Europe/Berlin\0", "Europe/Berlin\n", "Europe/Bérlin", "zone.tab", "Europe\\Berlin", "~root",
        "Europe Berlin", "A%00", String(repeating: "A", count: 65), String(repeating: "A/", count: 100_000),
    ])
    func oddNamesAreRefusedUnread(name: String) {
        let error = #expect(throws: ZoneError.self) { try Zone.named(name) }
        guard case .malformed(let shown, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(shown == name)
        #expect(error.map { $0.description.utf8.count < 300 } == true)
    }

    @Test(arguments: [
        ("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("Europe/Berln", "Europe/Berlin"),
        ("NewYork", "America/New_York"), ("America/Newyork", "America/New_York"), ("PT", "America/Los_Angeles"),
        ("CEST", "Europe/Berlin"), ("UTC+2", "Etc/GMT-2"), ("GMT-05:00", "Etc/GMT+5"), ("utc", "UTC"),
        ("Asia/Calcuta", "Asia/Calcutta"), ("Z", "UTC"),
    ])
    func unknownNamesAreAnsweredWithNearOnes(name: String, meant: String) {
        let error = #expect(throws: ZoneError.self) { try Zone.named(name) }
        #expect(error?.suggestions.first == meant)
        #expect(error?.description.contains("`\(meant)`") == true)
    }

    @Test func nothingIsSuggestedForNonsense() {
        for name in ["Qqqqqq/Zzzzzz", "America", "X"] {
            #expect(throws: ZoneError.unknown(name, suggestions: [])) { try Zone.named(name) }
        }
        let spaced = #expect(throws: ZoneError.self) { try Zone.named("New York") }
        #expect(spaced?.suggestions == ["America/New_York"])
    }

    @Test func foldersDevicesAndLeapSecondsAreNoZones() throws {
        #expect(throws: ZoneError.unreadable("null", reason: "it is not a regular file")) {
            try Zone.named("null", in: ZoneFiles(directory: "/dev"))
        }
        var leaping = TZifBuilder()
        leaping.leapSeconds = [(78_796_800, 1)]
        #expect(throws: TZif.Refusal.self) { try TZif.parse(leaping.bytes) }
    }

    @Test func everyListedZoneLoads() throws {
        let names = Zone.knownIdentifiers
        #expect(names.count > 400)
        #expect(names == names.sorted())
        #expect(names.contains("Europe/Berlin") && names.contains("UTC") && !names.contains("right/UTC"))
        for name in names where name != "Factory" {
            let zone = try Zone.named(name)
            #expect(abs(zone.offset(at: Instant(seconds: 1_800_000_000))) <= 14 * 3600, "\(name)")
        }
    }

    /// What the search for fires relies on: the first instant reaching a local time never decreases, and where clocks
    /// show the time at all it is an instant at which they do.
    @Test(arguments: [
        "America/New_York", "Australia/Lord_Howe", "Antarctica/Casey", "Pacific/Apia", "Africa/Casablanca",
    ])
    func firstInstantsAreOrdered(name: String) throws {
        let zone = try Zone.named(name)
        for transition in try zone.transitions(from: instant("1995-01-01"), to: instant("2045-01-01")) {
            var previous = Int.min
            var wrong = 0
            let middle = transition.localBefore.count
            for local in stride(from: middle - 90_000, to: middle + 90_000, by: 450) {
                let (first, piece) = zone.table.firstInstant(reaching: local)
                let before = zone.table.farthestLocal(through: first - 1)
                if first < previous || before >= local || first + piece.offset < local { wrong += 1 }
                previous = first
            }
            #expect(wrong == 0, "\(name) \(transition.at)")
        }
    }

    @Test func extremesNeverTrap() throws {
        for name in ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"] {
            let zone = try Zone.named(name)
            for instant in [Instant(milliseconds: .min), Instant(milliseconds: .max)] {
                let local = zone.local(of: instant)
                #expect(abs(zone.offset(at: instant)) < 86_400)
                #expect(!zone.abbreviation(at: instant).isEmpty)
                #expect(zone.instants(of: local) == .one(Instant(seconds: instant.seconds)))
                #expect(!local.description.isEmpty && !local.iso8601.isEmpty)
            }
        }
    }
}
