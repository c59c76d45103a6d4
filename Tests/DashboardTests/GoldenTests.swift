import Control
import Dashboard
import Glibc
import Scheduling
import Testing

/// Whole screens as text with their styles. `ROLLCALL_UPDATE_GOLDENS=1` writes them anew.
struct GoldenTests {
    struct Size: CustomStringConvertible {
        let width: Int
        let height: Int
        var description: String { "\(width)x\(height)" }
    }

    static let sizes = [(1, 1), (40, 10), (60, 12), (80, 24), (120, 40), (200, 60)].map(Size.init)
    static let usual = [(80, 24), (120, 40)].map(Size.init)

    @Test(arguments: sizes)
    func overview(size: Size) { check("overview", Sample.full(), size) }

    @Test(arguments: sizes)
    func wallboard(size: Size) { check("wallboard", Sample.full().pressed("w"), size) }

    @Test(arguments: sizes)
    func emptyState(size: Size) { check("empty", Sample.empty(), size) }

    @Test(arguments: usual)
    func cohort(size: Size) {
        var model = Sample.full().pressed("g")
        _ = model.run(command: "go churn-risk@hook")
        check("cohort", model, size)
        check("cohort-config", model.pressed("<tab> <tab> <tab>"), size)
    }

    @Test(arguments: usual)
    func runs(size: Size) { check("runs", Sample.full().pressed("3 j j"), size) }

    @Test(arguments: usual)
    func runDetail(size: Size) {
        var model = Sample.full()
        _ = model.run(command: "run 4813")
        let events = Sample.events.map { event in
            var event = event
            event.run = "4813"
            event.sync = "trial-day-7@segment"
            return event
        }
        _ = model.update(.answer(.runEvents(run: "4813", events)))
        check("run", model, size)
    }

    @Test(arguments: usual)
    func schedules(size: Size) { check("schedules", Sample.full().pressed("4"), size) }

    @Test(arguments: sizes)
    func events(size: Size) {
        var model = Sample.full().pressed("5 /")
        model.type("to:segment !trial")
        _ = model.press("<enter>")
        check("events", model, size)
    }

    @Test(arguments: usual)
    func user(size: Size) {
        var model = Sample.full().pressed("U")
        model.type("u_902113")
        _ = model.press("<enter>")
        let events = Sample.events.filter { $0.user == "u_902113" }
        let views = ["trial-day-7@segment", "web-active-24h@segment", "cart-abandon@hook"].enumerated().map { index, sync in
            UserView(
                user: "u_902113", sync: sync, member: index < 2, told: index < 2 ? "true" : "false", since: Sample.time(-7_000),
                events: events.filter { $0.sync == sync })
        }
        _ = model.update(.answer(.user(id: "u_902113", views)))
        check("user", model, size)
    }

    @Test(arguments: usual)
    func destinations(size: Size) { check("destinations", Sample.full().pressed("6"), size) }

    @Test(arguments: usual)
    func rejects(size: Size) { check("rejects", Sample.full().pressed("7 <space> <space> <space> X"), size) }

    @Test(arguments: usual)
    func logs(size: Size) { check("logs", Sample.full().pressed("8"), size) }

    @Test(arguments: usual)
    func engine(size: Size) { check("engine", Sample.full().pressed("9"), size) }

    @Test(arguments: sizes)
    func editor(size: Size) {
        var model = Sample.full()
        _ = model.run(command: "schedule churn-risk */10 8-18 * * mon-fri")
        check("editor", model, size)
    }

    @Test(arguments: usual)
    func editorWithMistake(size: Size) {
        var model = Sample.full()
        _ = model.run(command: "schedule churn-risk */70 * * * *")
        check("editor-mistake", model, size)
    }

    @Test(arguments: usual)
    func editorSaving(size: Size) {
        var model = Sample.full()
        _ = model.run(command: "schedule paying-users daily at 02:30")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("saving asks for the change first")
            return
        }
        let change = [LineEdit(line: 31, old: "    schedule: hourly", new: "    schedule: daily at 02:30")]
        _ = model.update(.effectDone(.scheduleChange(edition, .success(change))))
        check("editor-saving", model, size)
    }

    @Test(arguments: usual)
    func help(size: Size) { check("help", Sample.full().pressed("?"), size) }

    @Test(arguments: usual)
    func palette(size: Size) {
        var model = Sample.full().pressed(":")
        model.type("s")
        check("palette", model, size)
    }

    @Test(arguments: usual)
    func approval(size: Size) {
        var model = Sample.full()
        _ = model.run(command: "approve 4790")
        let sample = Sample.events.prefix(8).map { event in
            var event = event
            event.run = "4790"
            event.status = "pending"
            return event
        }
        _ = model.update(.answer(.runEvents(run: "4790", Array(sample))))
        check("approval", model, size)
    }

    @Test func asking() { check("sync-asks", Sample.full().pressed("r"), Size(width: 80, height: 24)) }

    @Test(arguments: [(40, 10), (80, 24), (120, 40)].map(Size.init))
    func ascii(size: Size) {
        check("ascii", Sample.full(Sample.options { $0.isASCII = true; $0.theme = .mono }), size)
    }

    @Test func light() {
        check("light", Sample.full(Sample.options { $0.theme = .light }), Size(width: 80, height: 24))
    }

    @Test func frozenAndStale() {
        var model = Sample.full()
        _ = model.update(.notices([Sample.notice(3) { $0.frozen = true }]))
        let retry = Sample.now.advanced(seconds: 8)
        _ = model.update(.connection(.reconnecting(attempt: 4, retryAt: retry, since: Sample.now.advanced(seconds: -31))))
        check("away", model, Size(width: 80, height: 24))
    }

    @Test func readOnly() {
        check("read-only", Sample.full(Sample.options { $0.isReadOnly = true }), Size(width: 80, height: 24))
    }

    // MARK: - Files

    private func check(_ name: String, _ model: DashboardModel, _ size: Size) {
        let frame = present(model, width: size.width, height: size.height)
        let shown = frame.text + "\n\n--- styles ---\n" + frame.styleText + "\n"
        let path = Self.folder + "/\(name)-\(size).txt"
        if getenv("ROLLCALL_UPDATE_GOLDENS").map({ String(cString: $0) }) == "1" { return Self.write(shown, path) }
        #expect(Self.read(path) == shown, "\(name) at \(size) differs from its golden file:\n\(frame.text)")
    }

    private static var folder: String {
        let path = #filePath
        guard let slash = path.lastIndex(of: "/") else { return "Goldens" }
        return path[..<slash] + "/Goldens"
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ text: String, _ path: String) {
        guard let file = fopen(path, "w") else {
            Issue.record("\(path) cannot be written")
            return
        }
        fputs(text, file)
        fclose(file)
    }
}
