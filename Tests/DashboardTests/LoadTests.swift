import Control
import Dashboard
import Glibc
import Scheduling
import Testing

/// A thousand cohorts and a hundred thousand rejects: what a frame costs must not grow with what is behind it.
@Suite(.serialized)
struct LoadTests {
    private static func model(cohorts: Int, rejects: Int) -> DashboardModel {
        var model = Sample.empty()
        let views = (0..<cohorts).map { number in
            var view = StatusView(sync: "cohort-\(number)@segment", cohort: "cohort-\(number)", destination: "segment")
            view.state = ["ok", "failed", "partial", "held", "paused"][number % 5]
            view.schedule = "hourly"
            view.next = Sample.time(Int64(number % 3_600))
            view.ledger = number * 1_000
            view.reason = "reason \(number % 100)"
            return view
        }
        _ = model.update(.answer(.status(views)))
        let times = (0..<100).map { Sample.time(-Int64($0) * 60) }
        let refused = (0..<rejects).map { number in
            RejectView(
                id: "\(number)", sync: "cohort-\(number % max(1, cohorts))@segment", run: "\(number % 500)", user: "u-\(number)",
                event: "entered", reason: "reason \(number % 50)", http_status: 400, attempts: 1, at: times[number % 100],
                dismissed: false)
        }
        _ = model.update(.answer(.rejects(refused)))
        _ = model.update(.tick(now: Sample.now))
        return model
    }

    /// The processor time of this thread that a piece of work takes, in milliseconds; the least of several.
    private static func cost(_ work: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1_000 + Double(time.tv_nsec) / 1_000_000
        }
        return (0..<5).map { _ in
            let start = now()
            work()
            return now() - start
        }.min() ?? 0
    }

    @Test("a frame with 1,000 cohorts and 100,000 rejects takes less than 100 ms, and a key no more")
    func frames() {
        var model = Self.model(cohorts: 1_000, rejects: 100_000)
        var slowest = 0.0
        for screen in ["1", "2", "3", "4", "5", "6", "7", "9", "w"] {
            _ = model.press(screen)
            let frame = Self.cost { _ = present(model, width: 200, height: 60) }
            let key = Self.cost {
                _ = model.press("j")
                _ = present(model, width: 200, height: 60)
            }
            #expect(frame < 100 && key < 100, "screen \(screen): a frame takes \(frame) ms of processor time, a key \(key) ms")
            slowest = max(slowest, frame, key)
        }
        print("load: 1,000 cohorts and 100,000 rejects, 9 screens, the slowest key with its frame \(Int(slowest)) ms of processor time")
    }
}
