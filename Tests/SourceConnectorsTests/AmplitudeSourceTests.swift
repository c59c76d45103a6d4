import AmplitudeStandIn
import HTTPClient
import SyncEngine
import Testing

@testable import SourceConnectors

/// The whole way from list to rows against a stand-in for Amplitude on loopback.
struct AmplitudeSourceTests {
    @Test func aSmallCohortComesWithTheAnswer() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u-1", "", "u \"2\"", "", "ü,3"])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil)
        #expect(fetched.ids == ["u-1", "u \"2\"", "ü,3"])
        #expect(fetched.nobody == 2, "anonymous users name nobody")
        #expect(fetched.unreadable.isEmpty)
        #expect(world.standIn.downloads == 1)
        #expect(world.calls(.link).isEmpty)
    }

    @Test("a large file is fetched from where the redirect leads, without the keys", arguments: [true, false])
    func redirected(compressed: Bool) async throws {
        let world = try await AmplitudeWorld { settings in
            settings.redirectAbove = 10
            settings.compresses = compressed
        }
        let members = (0..<5_000).map { "user-\($0)" }
        world.put("c1", members)
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil)
        #expect(fetched.ids == members)
        let links = world.calls(.link)
        #expect(links.count == 1 && links.allSatisfy { !$0.hasAuthorization && $0.status == 200 })
        let others = world.standIn.requests.filter { $0.call != .link }
        #expect(others.allSatisfy { $0.hasAuthorization })
        #expect(world.standIn.violations.isEmpty)
    }

    @Test func anIdIsSentAsOneSegment() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        let fetched = await world.fetch(try world.source("../../3/cohorts?x"))
        #expect(fetched.failure?.message.contains("no longer in Amplitude") == true)
        #expect(world.calls(.request).allSatisfy { $0.status == 404 })
    }

    // MARK: - Cohorts that cannot be read

    @Test func archivedAndGroupCohortsCostNothing() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.archive("c1")
        let archived = await world.fetch(try world.source())
        #expect(archived.failure?.isMisconfigured("archived") == true)
        world.put("g1", ["acme"])
        world.standIn.change("g1") { $0.countGroup = "Company" }
        let group = await world.fetch(try world.source("g1"))
        #expect(group.failure?.isMisconfigured("groups", "Company") == true)
        #expect(world.standIn.downloads == 0)
    }

    @Test func aDeletedCohortFailsAndIsAskedForOnce() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.delete("c1")
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure?.isMisconfigured("no longer in Amplitude") == true)
        #expect(world.calls(.request).count == 1)
    }

    @Test func aRenamedCohortIsNotedAndRead() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"], name: "Bigger\u{202E}")
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil && fetched.ids == ["u"])
        #expect(fetched.notes.first?.contains("Bigger\\u{202e}") == true)
    }

    // MARK: - The error table

    @Test func aLimitIsWaitedOutForAMinuteAtLeast() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.script(.request, [.status(429, body: "too many"), .status(429, body: "too many")])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil && fetched.ids == ["u"])
        let times = world.calls(.request).map(\.at)
        #expect(times.count == 3)
        #expect(times[1] - times[0] >= 60_000 && times[2] - times[1] >= 60_000)
        // Polls and files are waited for without a new request.
        world.standIn.script(.poll, [.status(429, body: "slow down")])
        world.standIn.script(.file, [.status(429, body: "slow down")])
        #expect(await world.fetch(try world.source()).failure == nil)
        #expect(world.calls(.request).count == 4)
    }

    @Test func aSpentMonthIsNotTriedAgain() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.script(.request, [.status(429, body: "monthly limit reached")])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure?.isUnavailable("429", "monthly limit") == true)
        #expect(world.calls(.request).count == 1)
    }

    @Test func whatMayPassIsTriedAgainWhereItFailed() async throws {
        let world = try await AmplitudeWorld { $0.redirectAbove = 0 }
        world.put("c1", ["u"])
        for call in [StandInCall.list, .poll, .file] { world.standIn.script(call, [.status(503, body: "later")]) }
        // An expired link: the API gives a new one.
        world.standIn.script(.link, [.status(403, body: "Request has expired"), .status(500, body: "")])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil && fetched.ids == ["u"])
        #expect(world.standIn.downloads == 1, "none of it costs another download")
        #expect(world.calls(.link).count == 3)
        // It is not tried for ever.
        world.standIn.script(.poll, Array(repeating: .status(500, body: "no"), count: 40))
        let failed = await world.fetch(try world.source())
        #expect(failed.failure?.isUnavailable("500") == true)
        #expect(world.standIn.downloads <= 4)
    }

    @Test func aLostRequestIsMadeAnewOnce() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.script(.poll, [.status(404, body: "gone")])
        #expect(await world.fetch(try world.source()).failure == nil)
        #expect(world.standIn.downloads == 2)
        world.standIn.script(.file, [.status(410, body: "gone"), .status(404, body: "gone")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("404") == true)
        #expect(world.standIn.downloads == 4)
    }

    @Test func refusedKeysStopEverythingUntilSomebodyActs() async throws {
        let world = try await AmplitudeWorld(apiKey: "another-key")
        world.put("c1", ["u"])
        let source = try world.source()
        #expect(await world.fetch(source).failure?.isMisconfigured("403", "region") == true)
        #expect(source.blockedReason != nil)
        let seen = world.standIn.requests.count
        #expect(await world.fetch(source).failure?.isMisconfigured("403") == true)
        #expect(world.standIn.requests.count == seen, "a schedule asks no more")
        _ = await world.fetch(source, occasion: .manual)
        #expect(world.standIn.requests.count == seen + 1, "a person may try")
        world.account.accepted()
        #expect(source.blockedReason == nil)
    }

    @Test("states and answers that the contract does not know are failures", arguments: ["JOB FAILED", "", "done"])
    func unknownState(_ state: String) async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        world.standIn.script(.poll, [.state(state)])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("neither under way") == true)
        world.standIn.script(.request, [.garbage("<html>welcome</html>")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("without a request's id") == true)
        world.standIn.script(.file, [.garbage("<html>welcome</html>\n")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("user_id") == true)
        world.standIn.script(.list, [.garbage("[]")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("list of cohorts") == true)
    }

    @Test func redirectsElsewhereAreNotFollowed() async throws {
        let world = try await AmplitudeWorld { $0.redirectAbove = 0 }
        world.put("c1", ["u"])
        world.standIn.script(.file, [.redirect("http://example.com/x")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("not followed", "plain http") == true)
        // A name that resolves to this machine: every name below localhost does.
        world.standIn.script(.file, [.redirect("https://files.localhost:1/x")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("leads to an address of this machine") == true)
        world.standIn.script(.link, [.redirect("http://127.0.0.1:1/x")])
        #expect(await world.fetch(try world.source()).failure?.isUnavailable("leads on") == true)
        #expect(world.calls(.link).count == 1)
    }

    // MARK: - Completeness

    @Test func aFileThatIsCutOffFails() async throws {
        let world = try await AmplitudeWorld { $0.redirectAbove = 0 }
        world.put("c1", (0..<900).map { "user-\($0)" })
        world.standIn.script(.link, [.half])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure?.isUnavailable("gzip") == true)
        #expect(world.files.isEmpty, "what failed is not kept")
    }

    @Test func missingRowsWithholdLeaves() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", (0..<100).map { "user-\($0)" })
        world.standIn.script(.request, [.rowsMissing(7)])
        let fetched = await world.fetch(try world.source())
        #expect(fetched.failure == nil)
        #expect(fetched.ids.count == 93)
        #expect(fetched.unreadable == [.missingRows])
        #expect(fetched.details == ["the file has 93 and Amplitude counts 100"])
        // Computed anew while it was prepared: the new number decides.
        world.standIn.change("c1") { $0.lastComputed = nil }
        world.standIn.change("c1") { $0.size = 101 }
        #expect(await world.fetch(try world.source()).unreadable == [.missingRows])
    }

    // MARK: - Sharing, skipping, limits

    @Test func oneDownloadServesWhoComesSoonAfter() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["a"])
        let source = try world.source(reading: AmplitudeReading(shareSeconds: 60))
        #expect(await world.fetch(source).ids == ["a"])
        world.put("c1", ["b"])
        let second = await world.fetch(source)
        #expect(second.ids == ["a"] && second.notes.first?.contains("shared") == true)
        #expect(world.standIn.downloads == 1)
        // A person wants what is true now; and a minute later so does the schedule.
        #expect(await world.fetch(source, occasion: .manual).ids == ["b"])
        world.put("c1", ["c"])
        world.clock.advance(milliseconds: 61_000)
        #expect(await world.fetch(source).ids == ["c"])
        #expect(world.standIn.downloads == 3)
        #expect(world.files.count == 1, "only the latest file is kept")
    }

    @Test func twoAtOnceDownloadOnce() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["a"])
        let source = try world.source(reading: AmplitudeReading(shareSeconds: 60))
        async let first = world.fetch(source)
        async let second = world.fetch(source)
        let both = await (first, second)
        #expect(both.0.ids == ["a"] && both.1.ids == ["a"])
        #expect(world.standIn.downloads == 1)
    }

    @Test func unchangedCohortsAreSkippedOnlyWhenWanted() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["a"], computed: 1_000)
        let source = try world.source(reading: AmplitudeReading(shareSeconds: 0, reuseSeconds: 3_600))
        #expect(await world.fetch(source).ids == ["a"])
        world.clock.advance(milliseconds: 1_800_000)
        let skipped = await world.fetch(source)
        #expect(skipped.ids == ["a"] && skipped.notes.first?.contains("not downloaded") == true)
        #expect(world.standIn.downloads == 1)
        world.put("c1", ["a", "b"], computed: 2_000)
        #expect(await world.fetch(source).ids == ["a", "b"], "computed anew")
        world.clock.advance(milliseconds: 3_700_000)
        #expect(await world.fetch(source).ids == ["a", "b"])
        #expect(world.standIn.downloads == 3, "older than the maximum age")
        #expect(await world.fetch(try world.source()).ids == ["a", "b"])
        #expect(world.standIn.downloads == 4, "off by default")
        // Without lastComputed nobody can say that nothing changed.
        world.put("c2", ["x"], computed: nil)
        let other = try world.source("c2", reading: AmplitudeReading(shareSeconds: 0, reuseSeconds: 3_600))
        _ = await world.fetch(other)
        world.clock.advance(milliseconds: 5_000)
        _ = await world.fetch(other)
        #expect(world.standIn.downloads == 6)
    }

    @Test func manyCohortsStayWithinTheLimits() async throws {
        let world = try await AmplitudeWorld()
        for index in 0..<12 { world.put("c\(index)", ["u-\(index)"]) }
        let sources = try (0..<12).map { try world.source("c\($0)") }
        let results = await withTaskGroup(of: Fetched.self) { group in
            for source in sources { group.addTask { await world.fetch(source) } }
            return await group.reduce(into: [Fetched]()) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0.failure == nil && $0.ids.count == 1 })
        #expect(world.standIn.downloads == 12)
        // The stand-in counts on the same clock, which stands still while a request is on its way.
        #expect(world.standIn.violations == [])
        let starts = world.calls(.request).map(\.at)
        #expect(starts.allSatisfy { start in starts.count { $0 >= start && $0 < start + 60_000 } <= 4 }, "\(starts)")
    }

    @Test("the stand-in would notice more downloads than allowed") func tooMany() async throws {
        let world = try await AmplitudeWorld(limits: DownloadLimits(parallel: 5))
        for index in 0..<5 { world.put("c\(index)", ["u"]) }
        let sources = try (0..<5).map { try world.source("c\($0)") }
        await withTaskGroup(of: Void.self) { group in
            for source in sources { group.addTask { _ = await world.fetch(source) } }
        }
        #expect(world.standIn.violations.contains { $0.contains("in a minute") }, "\(world.standIn.violations)")
    }

    @Test func aWaitIsToldWithItsEnd() async throws {
        let world = try await AmplitudeWorld(limits: DownloadLimits(parallel: 1))
        world.put("c1", ["u"])
        let first = await world.fetch(try world.source())
        #expect(first.progress.first == "waiting for Amplitude to prepare the file, until 2026-03-01T13:00:00Z at the latest")
        world.standIn.script(.list, [.status(429, body: "slow down")])
        let second = await world.fetch(try world.source())
        #expect(second.progress.first?.hasPrefix("waiting because Amplitude said that a limit was hit, until 2026-03-01T12:01:") == true)
        let third = await world.fetch(try world.source())
        #expect(third.progress.first?.hasPrefix("waiting for the account's 1 downloads a minute, until 2026-03-01T12:0") == true)
        #expect(second.failure == nil && third.failure == nil)
    }

    @Test func theMonthIsLearnedAndHolds() async throws {
        let world = try await AmplitudeWorld(limits: DownloadLimits(reserve: 1)) { settings in
            settings.quota = 10
            settings.used = 8
        }
        world.put("c1", ["u"])
        let source = try world.source()
        #expect(await world.fetch(source).failure == nil)
        #expect(await world.fetch(source).failure?.isUnavailable("9 of 10", "manual runs") == true)
        #expect(await world.fetch(source, occasion: .manual).failure == nil)
        #expect(await world.fetch(source, occasion: .manual).failure?.isUnavailable("10 of 10") == true)
        #expect(world.standIn.downloads == 2)
        #expect(world.standIn.violations == [])
        // Where Amplitude does not tell, our own count is all there is.
        let silent = try await AmplitudeWorld(limits: DownloadLimits(monthly: 1)) { $0.tellsUsage = false }
        silent.put("c1", ["u"])
        #expect(await silent.fetch(try silent.source()).failure == nil)
        #expect(await silent.fetch(try silent.source()).failure?.isUnavailable("1 of 1") == true)
    }

    @Test func aStoppedFetchEndsAndKeepsNothing() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        let stop = StopFlag()
        stop.raise()
        #expect(await world.fetch(try world.source(), stop: stop).failure == .stopped)
        #expect(world.files.isEmpty)
    }

    @Test func theCatalogShowsWhatThereIs() async throws {
        let world = try await AmplitudeWorld { $0.used = 17 }
        world.put("c1", ["u", "v"])
        world.put("c2", [])
        world.standIn.archive("c2")
        let catalog = try world.catalog()
        let listing = try await BlockingThread.run { Result { () throws(SourceError) in try catalog.cohorts() } }.get()
        #expect(listing.entries.map(\.id) == ["c1", "c2"])
        #expect(listing.entries.map(\.size) == [2, 0])
        #expect(listing.entries[0].obstacle == nil && listing.entries[1].obstacle?.contains("archived") == true)
        #expect(listing.account == "17 of 500 downloads of the month used")
        let probes = await BlockingThread.run { () -> [Result<String, SourceError>] in
            ["c1", "c2", "c9"].map { id in
                Result { () throws(SourceError) in try (try? world.source(id))?.probe() ?? "" }
            }
        }
        #expect((try? probes[0].get())?.contains("2 members") == true)
        #expect((try? probes[1].get()) == nil && (try? probes[2].get()) == nil)
    }
}
