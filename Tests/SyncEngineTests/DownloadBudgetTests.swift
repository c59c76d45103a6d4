import Scheduling
import Testing

@testable import SyncEngine

/// The limits of an account that counts downloads, at their edges and over simulated months.
struct DownloadBudgetTests {
    private let start = Instant.parse(rfc3339: "2026-03-10T12:00:00Z") ?? Instant(milliseconds: 0)

    private func budget(_ limits: DownloadLimits = DownloadLimits(), past: [Instant] = []) -> DownloadBudget {
        DownloadBudget(limits: limits, past: past, reading: nil, now: start, monotonic: 0)
    }

    @Test func fourDownloadsAMinuteAndNoMore() {
        var budget = budget()
        for second in 0..<4 {
            let time = Int64(second) * 1000
            #expect(budget.admit(.download(isManual: false), now: start, monotonic: time) == .go)
            budget.ended(.download(isManual: false))
        }
        let fifth = budget.admit(.download(isManual: true), now: start, monotonic: 4_000)
        #expect(fifth == .wait(until: DownloadBudget.minute, for: .minute))
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: DownloadBudget.minute - 1) == fifth)
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: DownloadBudget.minute) == .go)
    }

    @Test func fourUnderWayAndFiveCallsInAll() {
        var budget = budget(DownloadLimits(perTenMinutes: 1_000, parallel: 4, concurrent: 5))
        for index in 0..<4 {
            let time = Int64(index) * 100_000
            #expect(budget.admit(.download(isManual: false), now: start, monotonic: time) == .go)
        }
        #expect(budget.admit(.download(isManual: false), now: start, monotonic: 900_000) == .waitForSlot)
        #expect(budget.admit(.look, now: start, monotonic: 900_000) == .go)
        #expect(budget.admit(.look, now: start, monotonic: 900_000) == .waitForSlot)
        budget.ended(.look)
        budget.ended(.download(isManual: false))
        #expect(budget.admit(.look, now: start, monotonic: 900_000) == .go)
        #expect(budget.admit(.download(isManual: false), now: start, monotonic: 900_000) == .go)
    }

    @Test func theReserveIsForManualRunsAlone() {
        let past = (0..<8).map { start.advanced(seconds: Int64(-3_600 * ($0 + 1))) }
        var budget = budget(DownloadLimits(monthly: 10, reserve: 2), past: past)
        let reset = Instant.parse(rfc3339: "2026-04-01T00:00:00Z") ?? start
        #expect(budget.admit(.download(isManual: false), now: start, monotonic: 0)
            == .spent(used: 8, limit: 10, reserve: 2, resetsAt: reset))
        for _ in 0..<2 { #expect(budget.admit(.download(isManual: true), now: start, monotonic: 0) == .go) }
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: 0)
            == .spent(used: 10, limit: 10, reserve: 0, resetsAt: reset))
        #expect(budget.admit(.look, now: start, monotonic: 0) == .go, "looking costs nothing")
        budget.takeBack(start)
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: 0) == .go)
        // A new month.
        #expect(budget.admit(.download(isManual: false), now: reset, monotonic: 90_000_000) == .go)
    }

    @Test func theAccountsOwnCountHoldsWhereItIsHigher() {
        var month = DownloadMonth(past: [start.advanced(seconds: -60)], reading: nil)
        #expect(month.used(at: start) == 1)
        let reset = start.advanced(seconds: 5 * 86_400)
        month.learned(QuotaReading(limit: 400, used: 77, resetsAt: reset.milliseconds, readAt: start.milliseconds))
        #expect(month.used(at: start) == 77)
        #expect(month.limit(500) == 400)
        #expect(month.limit(300) == 300, "what is configured is never exceeded")
        month.count(start.advanced(seconds: 60))
        #expect(month.used(at: start.advanced(seconds: 60)) == 78)
        #expect(month.resets(after: start) == reset)
        // Behind the reset only our own downloads of the new month count, until the account speaks again.
        #expect(month.used(at: reset) == 0)
        #expect(month.resets(after: reset) == Instant.parse(rfc3339: "2026-04-15T12:00:00Z"))
        // Nonsense is not believed.
        month.learned(QuotaReading(limit: -1, used: 3, resetsAt: nil, readAt: start.milliseconds))
        #expect(month.limit(500) == 400)
    }

    @Test func aRestartForgetsNothing() {
        let past = [-59, -30, -20, -1].map { start.advanced(seconds: $0) }
        var budget = budget(past: past)
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: 0)
            == .wait(until: DownloadBudget.minute - 59_000, for: .minute))
        // Recorded before the clock was set back by a day.
        var turned = DownloadBudget(
            limits: DownloadLimits(), past: Array(repeating: start.advanced(seconds: 86_400), count: 4), reading: nil,
            now: start, monotonic: 0)
        #expect(turned.admit(.download(isManual: true), now: start, monotonic: 0) == .wait(until: DownloadBudget.minute, for: .minute))
    }

    @Test func whoIsPushedBackWaitsWithEverybody() {
        var budget = budget()
        budget.pushBack(until: 70_000)
        budget.pushBack(until: 60_000)
        #expect(budget.admit(.look, now: start, monotonic: 69_999) == .wait(until: 70_000, for: .pushedBack))
        #expect(budget.admit(.download(isManual: true), now: start, monotonic: 0) == .wait(until: 70_000, for: .pushedBack))
        #expect(budget.admit(.look, now: start, monotonic: 70_000) == .go)
    }

    // MARK: - A month

    @Test("a month of twelve cohorts with schedules that fit: everything is served within the limits", arguments: [1, 2])
    func monthThatFits(_ seed: UInt64) async throws {
        let month = try await SimulatedMonth(
            seed: seed, schedules: Array(repeating: "daily at 06:30", count: 12), manual: 60
        ).passed()
        print("seed \(seed): \(month.summary)")
        month.expectWithinLimits()
        #expect(month.refused == 0)
        #expect(month.requested.count == 12 * 31 + 60)
        #expect(month.mostAtOnce > 1, "they come at once, or the test shows nothing")
    }

    @Test("a month of twelve cohorts that want far too much never exceeds a limit", arguments: [4, 5])
    func monthThatDoesNotFit(_ seed: UInt64) async throws {
        let schedules = ["every 1m", "every 2m", "every 10m", "hourly", "hourly", "hourly"]
        let month = try await SimulatedMonth(seed: seed, schedules: schedules + schedules, manual: 40).passed()
        print("seed \(seed): \(month.summary)")
        month.expectWithinLimits()
        #expect(month.requested.count > 480, "the month is used")
        #expect(month.refused > 10_000)
        #expect(month.mostInAMinute == 4, "the limits are met")
    }
}

/// A month on a virtual clock: schedules as the scheduler follows them, downloads of random length, lists before each,
/// manual runs, and processes that are killed and start again from what is on record.
private struct SimulatedMonth: Sendable {
    private struct Wish {
        var at: Int64
        var isManual: Bool
        var isListed = false
    }

    private let limits = DownloadLimits(monthly: 500, reserve: 20)
    private let begin = Instant.parse(rfc3339: "2026-03-01T00:00:00Z") ?? Instant(milliseconds: 0)
    private var random: UInt64
    private var budget: DownloadBudget
    private var due: [DueOccurrences] = []
    private var wakeAt: [Int64?]
    private var manual: [Int64] = []
    private var waiting: [Wish] = []
    /// When calls under way end.
    private var underWay: [(call: DownloadCall, end: Int64)] = []
    private var now: Int64 = 0
    private var offset: Int64 = 0
    private(set) var requested: [Int64] = []
    private(set) var refused = 0
    private(set) var mostAtOnce = 0
    private(set) var mostDownloads = 0
    private(set) var restarts = 0

    init(seed: UInt64, schedules: [String], manual count: Int) throws {
        random = seed
        budget = DownloadBudget(limits: limits, past: [], reading: nil, now: begin, monotonic: 0)
        for (index, text) in schedules.enumerated() {
            let policy = SchedulePolicy(schedule: try Schedule.parse(text), zone: .utc, jitterSeconds: index % 3)
            due.append(DueOccurrences(
                sync: SyncID(cohort: "c\(index)", destination: "seg"), policy: policy,
                decidedThrough: begin.advanced(milliseconds: -1)))
        }
        wakeAt = Array(repeating: 0, count: schedules.count)
        manual = (0..<count).map { _ in Int64(next(31 * 86_400_000)) }.sorted()
    }

    private mutating func next(_ limit: UInt64) -> UInt64 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Backoff.mix(random) % limit
    }

    private var instant: Instant { begin.advanced(milliseconds: now) }

    /// This month when it is over, on a thread of its own: it takes seconds.
    func passed() async -> SimulatedMonth {
        await BlockingThread.run {
            var month = self
            month.run()
            return month
        }
    }

    private mutating func run() {
        let end: Int64 = 31 * 86_400_000
        var restartAt = Int64(next(86_400_000))
        while now < end {
            wish()
            serve()
            if now >= restartAt {
                restart()
                restartAt = now + Int64(next(3 * 86_400_000)) + 1
            }
            step(end: end, restartAt: restartAt)
        }
    }

    /// What schedules and people want now. A sync that is still waiting skips, as the scheduler's does.
    private mutating func wish() {
        for index in due.indices {
            while let wake = wakeAt[index], wake <= now {
                switch due[index].decide(now: instant) {
                case .wait(let until): wakeAt[index] = until.map { $0.milliseconds(since: begin) }
                case .start: if waiting.count < 12 { waiting.append(Wish(at: now, isManual: false)) }
                case .skip: break
                }
            }
        }
        while let first = manual.first, first <= now {
            manual.removeFirst()
            waiting.append(Wish(at: now, isManual: true))
        }
    }

    private mutating func serve() {
        for call in underWay where call.end <= now { budget.ended(call.call) }
        underWay.removeAll { $0.end <= now }
        var index = 0
        var isFirst = true
        while index < waiting.count {
            if !waiting[index].isListed, budget.admit(.look, now: instant, monotonic: now - offset) == .go {
                underWay.append((.look, now + 50 + Int64(next(3_000))))
                waiting[index].isListed = true
            }
            let call = DownloadCall.download(isManual: waiting[index].isManual)
            guard isFirst, waiting[index].isListed else {
                index += 1
                continue
            }
            switch budget.admit(call, now: instant, monotonic: now - offset) {
            case .go:
                requested.append(now)
                underWay.append((call, now + 5_000 + Int64(next(180_000))))
                waiting.remove(at: index)
            case .spent:
                refused += 1
                waiting.remove(at: index)
            case .wait, .waitForSlot:
                isFirst = false
                index += 1
            }
        }
        mostAtOnce = max(mostAtOnce, underWay.count)
        mostDownloads = max(mostDownloads, underWay.count { $0.call != .look })
    }

    /// The process is killed: what was under way is gone, the monotonic clock starts anew, the record stays.
    private mutating func restart() {
        restarts += 1
        offset = now
        underWay = []
        budget = DownloadBudget(
            limits: limits, past: requested.map { begin.advanced(milliseconds: $0) }, reading: nil, now: instant,
            monotonic: 0)
    }

    private mutating func step(end: Int64, restartAt: Int64) {
        var soonest = min(end, restartAt)
        for wake in wakeAt { if let wake { soonest = min(soonest, wake) } }
        for call in underWay { soonest = min(soonest, call.end) }
        if let first = manual.first { soonest = min(soonest, first) }
        if !waiting.isEmpty { soonest = min(soonest, now + 3_000) }
        now = max(now + 1, soonest)
    }

    private func most(within window: Int64) -> Int {
        requested.indices.map { index in
            requested[index...].prefix { $0 < requested[index] + window }.count
        }.max() ?? 0
    }

    var mostInAMinute: Int { most(within: 60_000) }

    var summary: String {
        "\(requested.count) downloads, \(mostInAMinute) a minute, \(most(within: 600_000)) in ten minutes, "
            + "\(mostDownloads) downloads and \(mostAtOnce) calls at a time, \(refused) refused, \(restarts) restarts"
    }

    /// Judged from the outside: by the times alone.
    func expectWithinLimits() {
        #expect(requested.count <= 500)
        #expect(mostInAMinute <= 4)
        #expect(most(within: 600_000) <= 60)
        #expect(mostDownloads <= 4)
        #expect(mostAtOnce <= 5)
        #expect(restarts > 3)
    }
}
