import Control
import Dashboard
import Glibc
import Scheduling
import Testing

/// Whatever is pressed, nothing traps: 100,000 keys in all. The seed is printed, and `ROLLCALL_TEST_SEED` sets it.
struct RandomKeyTests {
    /// SplitMix64.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    static let seed: UInt64 = {
        if let text = getenv("ROLLCALL_TEST_SEED"), let seed = UInt64(String(cString: text)) { return seed }
        return UInt64.random(in: .min ... .max)
    }()

    static let keys: [Key] = {
        var keys: [Key] = (0x20..<0x7F).map { .character(Character(Unicode.Scalar($0))) }
        keys += [.up, .down, .left, .right, .home, .end, .pageUp, .pageDown, .enter, .escape, .tab, .backTab]
        keys += [.backspace, .delete, .insert, .enter, .escape, .escape, .escape, .down, .up, .pageDown]
        keys += "dulrszaekw".map { .control($0) }
        return keys + [.character("é"), .character("日"), .character("👍🏽"), .function(1), .character("\u{202E}")]
    }()

    /// A few zones, so that no key costs a search among hundreds.
    static let options = Sample.options { options in
        options.zones = ZoneLookup { name in
            name == "Europe/Berlin" ? .success(Sample.berlin) : name == "UTC" ? .success(.utc)
                : .failure(.unknown(name, suggestions: []))
        }
    }

    static func oneRow() -> DashboardModel {
        var model = Sample.empty(options)
        _ = model.update(.configuration(Sample.configuration))
        _ = model.update(.answer(.status([Sample.statuses[3]])))
        _ = model.update(.answer(.runs([Sample.held])))
        _ = model.update(.answer(.rejects([Sample.rejects[0]])))
        _ = model.update(.answer(.backlog([Sample.events[0]])))
        return model
    }

    static func manyRows() -> DashboardModel {
        var model = Sample.full(options)
        let views = (0..<10_000).map { index in
            var view = Sample.statuses[index % 15]
            view.sync = "\(view.cohort)-\(index)@\(view.destination)"
            view.cohort += "-\(index)"
            return view
        }
        _ = model.update(.answer(.status(views)))
        _ = model.update(.answer(.rejects((0..<10_000).map { index in
            var reject = Sample.rejects[index % 14]
            reject.id = "\(index)"
            return reject
        })))
        _ = model.update(.notices((0..<10_000).map { index in
            Sample.notice(3 + index) { $0.event = Sample.events[index % 60] }
        }))
        return model
    }

    @Test(arguments: [("empty", 60_000), ("one row", 36_000), ("10,000 rows", 4_000)])
    func nothingTraps(name: String, count: Int) {
        var model = switch name {
        case "empty": Sample.empty()
        case "one row": Self.oneRow()
        default: Self.manyRows()
        }
        var generator = Generator(state: Self.seed)
        var now = Sample.now
        let beginning = model
        var visited: Set<Screen> = []
        let clock = ContinuousClock()
        let start = clock.now
        for step in 0..<count {
            let key = Self.keys[Int.random(in: 0..<Self.keys.count, using: &generator)]
            let effects = model.update(.input(.key(key)))
            answer(effects, &model, &generator)
            if model.isQuitting { model = beginning }
            visited.insert(model.screen)
            if step % 97 == 0 {
                now = now.advanced(milliseconds: Int64.random(in: 0...90_000, using: &generator))
                _ = model.update(.tick(now: now))
            }
            if step % 251 == 0 {
                let width = Int.random(in: 0...210, using: &generator)
                let height = Int.random(in: 0...64, using: &generator)
                _ = model.update(.input(.resized(width: width, height: height)))
                let frame = present(model, width: width, height: height)
                #expect(frame.width == width && frame.height == height, "seed \(Self.seed)")
            }
            if step % 1_013 == 0 { _ = model.update(.input(.paste("a\u{1B}]52;c;x\u{7}\r\nb"))) }
        }
        #expect(visited.count >= 10, "the keys went nowhere, seed \(Self.seed): \(visited)")
        print("\(count) keys on \(name), seed \(Self.seed), \(clock.now - start)")
    }

    /// The outside answers some of what is asked, as a careless host might.
    private func answer(_ effects: [Effect], _ model: inout DashboardModel, _ generator: inout Generator) {
        for effect in effects where Bool.random(using: &generator) {
            switch effect {
            case .plan:
                var plan = PlanView(sync: "a@b", plan: "0f", trait: "t")
                plan.sample = [ChangeView(user: "u", event: "left")]
                _ = model.update(.effectDone(.planned([plan])))
            case .describeSchedule(let edition):
                let lines = [LineEdit(line: 3, old: "a", new: "b")]
                _ = model.update(.effectDone(.scheduleChange(edition, .success(lines))))
            case .command: _ = model.update(.effectDone(.output(title: "x", lines: ["a", "\u{1B}[2J", "c"])))
            case .ask: break
            default: _ = model.update(.effectDone(Bool.random(using: &generator) ? .done(effect, "ok") : .refused(effect, "no")))
            }
        }
    }

    @Test func hostileNumbersDoNotTrap() {
        var model = Sample.full()
        var run = Sample.sending
        (run.entered, run.left, run.reasserted, run.accepted, run.rejected) = (.max, .max, .max, .max, .max)
        (run.read, run.bytes, run.ledger_before, run.requests) = (.max, .max, .max, .min)
        var status = Sample.statuses[1]
        (status.ledger, status.rejects, status.last_entered, status.last_left) = (.max, .max, .min, .max)
        status.last_seconds = .infinity
        status.next = "9999-12-31T23:59:59Z"
        var other = status
        other.sync = "b@c"
        other.next = "0001-01-01T00:00:00Z"
        var plan = PlanView(sync: "a@b", plan: "", trait: "")
        (plan.seconds, plan.bytes, plan.requests, plan.usual_entered) = (.nan, .max, .min, .infinity)
        (plan.entered, plan.usual_left) = (.min, -.infinity)
        var engine = Sample.engine
        (engine.store_bytes, engine.lateness_ms, engine.clock_jump_ms) = (.max, .max, .min)
        for now in [Instant(milliseconds: .min), Instant(milliseconds: .max), Instant.latestWritable, Sample.now] {
            _ = model.update(.tick(now: now))
            _ = model.update(.answer(.engine(engine)))
            _ = model.update(.answer(.status([status, other])))
            _ = model.update(.notices([Sample.notice(.max) { $0.run = run }, Sample.notice(.min) { $0.run = run }]))
            _ = model.update(.effectDone(.planned([plan])))
            for keys in ["1", "<esc>", "w", "<esc> 2", "3 <enter>", "<esc> 4", "5", "6", "9", "1 a"] {
                _ = model.press(keys)
                for (width, height) in [(80, 24), (200, 60), (30, 8)] {
                    #expect(present(model, width: width, height: height).width == width)
                }
            }
        }
    }
}
