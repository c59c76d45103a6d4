import Foundation
import Testing

@testable import TerminalHarness

/// Every hostile text on every surface of the real program (PRODUCT.md §6): no sequence that is not the program's own, and
/// every id still told byte for byte.
@Suite(.rationed)
struct EscapeTests {
    private static let floor = (payloads: 300, surfaces: 8)

    /// What was seen of the payloads on one surface.
    private final class Sighting {
        let name: String
        private(set) var seen: Set<String> = []
        private(set) var unexpected: [String] = []
        private(set) var bytes = 0

        init(_ name: String) { self.name = name }

        /// Text that counts as shown, and is audited unless that was done elsewhere.
        func take(_ text: [UInt8], as surface: SequenceAudit.Surface?) {
            if let surface {
                unexpected += SequenceAudit(text, surface).unexpected
                bytes += text.count
            }
            for start in text.indices.dropLast(4) where text[start] == UInt8(ascii: "p") {
                let word = text[start...(start + 4)]
                if word.dropFirst().allSatisfy({ (48...57).contains($0) }) { seen.insert(String(decoding: word, as: UTF8.self)) }
            }
        }

        func take(_ text: String, as surface: SequenceAudit.Surface?) { take(Array(text.utf8), as: surface) }
    }

    @Test("no payload of the escape corpus acts on any surface, and every id is told byte for byte")
    func corpus() async throws {
        let corpus = EscapeCorpus.all
        try #require(corpus.payloads.count >= Self.floor.payloads)
        #expect(Set(corpus.payloads.map(\.bytes)).count == corpus.payloads.count)
        let world = try HostileWorld(corpus)
        let everything = Set(corpus.payloads.map(\.tag))
        let engine = try await RunningEngine(in: world.workspace)
        let surfaces: [Sighting] = [
            try await syncing(world), try await exactly(world, corpus), try await plain(world), try tables(world),
            try await complaints(world, corpus), try await configuration(world, corpus), try await dumps(world),
        ] + (try dashboards(world))
        #expect(try await engine.stop().code == 0)

        var unexpected = 0
        for sighting in surfaces {
            unexpected += sighting.unexpected.count
            // What is no text is no argument, and no user's id.
            let wanted = ["errors on stderr", "the dashboard's users and cohorts"].contains(sighting.name)
                ? Set(world.ids.map(\.tag)) : everything
            let isClean = sighting.unexpected.isEmpty
            #expect(isClean, "\(sighting.name): \(sighting.unexpected.prefix(5))")
            let missing = wanted.subtracting(sighting.seen).sorted()
            let isComplete = missing.isEmpty
            #expect(isComplete, "\(sighting.name) does not show \(missing.count): \(missing.prefix(40))")
        }
        #expect(surfaces.count >= Self.floor.surfaces)
        print("escape corpus: \(corpus.payloads.count) payloads x \(surfaces.count) surfaces, \(unexpected) unexpected sequences")
    }

    @Test("the audit itself finds what is planted", arguments: [
        "\u{1B}[31m", "\u{9B}31m", "\u{1B}]0;x\u{7}", "\u{202E}",
        "\u{E0041}", "a\u{301}\u{301}\u{301}\u{301}\u{301}", "\u{8}", "\r", "\u{200B}", "\u{1B}c",
    ])
    func audited(_ planted: String) {
        #expect(!SequenceAudit(Array("before \(planted) after\n".utf8), .text).unexpected.isEmpty)
        #expect(SequenceAudit(Array("before after\n".utf8), .text).unexpected.isEmpty)
        #expect(!SequenceAudit([0x61, 0x9B, 0x62], .screen).unexpected.isEmpty)
        #expect(!SequenceAudit(Array("\u{1B}[38;5;213m\u{1B}[?1047h\u{1B}[9999A".utf8), .screen).unexpected.isEmpty)
    }

    // MARK: - Surfaces

    /// `sync --all` on a terminal: the progress line, and each run's end with its reason.
    private func syncing(_ world: HostileWorld) async throws -> Sighting {
        let sighting = Sighting("sync on a terminal")
        let pty = try Pty(
            ["sync", "--all"], program: RollcallBinary.path, environment: world.workspace.environment, width: 200, height: 50)
        try #require(pty.ending() == .exit(1), "\(pty.screen.lines.prefix(30))")
        sighting.take(pty.bytes, as: .progress)
        return sighting
    }

    /// `--json`: valid, no raw control, and exactly the ids that were read.
    private func exactly(_ world: HostileWorld, _ corpus: EscapeCorpus) async throws -> Sighting {
        let sighting = Sighting("--json")
        let expected = Set(world.ids.map(\.bytes))
        for command in [["members", "ids"], ["events", "--sync", "ids"], ["rejects"], ["runs", "--limit", "1000"], ["status"]] {
            let ending = try await world.workspace.start(command + ["--json"]).ending()
            #expect(ending.code == 0, "\(command): \(ending.errors)")
            sighting.take(ending.output, as: .data)
            let lines = try ending.lines()
            let key = ["members": "member", "events": "user"][command[0]]
            guard let key else { continue }
            let told = Set(lines.compactMap { $0[key]?.bytes })
            #expect(told.symmetricDifference(expected).isEmpty, "\(command): \(told.count) of \(expected.count) ids")
        }
        let told = try bytes(at: world.workspace.folder + "/out.ndjson").split(separator: 0x0A).map { try JSON(parsing: Array($0)) }
        let arrived = Set(told.compactMap { $0["userId"]?.bytes })
        let areAllThere = expected.isSubset(of: arrived)
        #expect(areAllThere, "the destination got every id byte for byte")
        return sighting
    }

    /// `--plain` into a pipe: as many lines as there are rows.
    private func plain(_ world: HostileWorld) async throws -> Sighting {
        let sighting = Sighting("--plain")
        for command in world.listings {
            let ending = try await world.workspace.start(command + ["--plain"]).ending()
            #expect(ending.code == 0, "\(command): \(ending.errors)")
            sighting.take(ending.output, as: .text)
            guard ["members", "rejects"].contains(command[0]) else { continue }
            let rows = try await world.workspace.listing(command[0], command.count > 1 ? command[1] : "refused").count
            #expect(ending.output.count { $0 == 0x0A } == rows, "\(command)")
        }
        return sighting
    }

    private func tables(_ world: HostileWorld) throws -> Sighting {
        let sighting = Sighting("tables on a terminal")
        for command in world.listings {
            let pty = try Pty(command, program: RollcallBinary.path, environment: world.workspace.environment, width: 250, height: 50)
            #expect(pty.ending() == .exit(0), "\(command): \(pty.screen.lines)")
            sighting.take(pty.bytes, as: .listing)
            #expect(pty.screen.strings.isEmpty && pty.screen.bells == 0)
        }
        return sighting
    }

    /// Errors that quote an argument: an unknown name, a run, a folder, an option.
    private func complaints(_ world: HostileWorld, _ corpus: EscapeCorpus) async throws -> Sighting {
        let sighting = Sighting("errors on stderr")
        // An argument ends at a zero byte.
        for batch in batches(of: world.ids, 60) {
            let word = batch.compactMap(\.text).joined(separator: " ")
            let ending = try await world.workspace.rollcall("--workspace", world.workspace.root + "/" + word, "status")
            #expect(ending.code == 78)
            #expect(ending.output.isEmpty)
            sighting.take(ending.errors, as: .text)
        }
        // A workspace in a folder of such a name: what succeeds names it too.
        let names = world.ids.filter { !$0.bytes.contains(UInt8(ascii: "/")) && $0.bytes.count < 60 }
        for batch in stride(from: 0, to: names.count, by: 150).map({ names[$0..<min($0 + 5, names.count)] }) {
            let folder = world.workspace.root + "/" + batch.compactMap(\.text).joined()
            for command in [["init"], ["check"], ["doctor"], ["verify"]] {
                let ending = try await world.workspace.start(["--workspace", folder] + command).ending()
                sighting.take(ending.output + Array(ending.errors.utf8), as: .text)
                #expect(ending.code == 0, "\(command): \(ending.errors)")
            }
        }
        for (index, payload) in world.ids.enumerated() where index % 80 == 0 {
            let word = payload.text ?? ""
            for command in [["sync", "n\(word)"], ["run", word], ["status", "--n\(word)"], ["n\(word)"], ["schedule", "ids", word]] {
                let ending = try await world.workspace.start(command).ending()
                #expect(ending.code == 64, "\(command): \(ending.errors)")
                sighting.take(ending.errors, as: .text)
            }
        }
        return sighting
    }

    /// Mistakes in `rollcall.yaml` and `dashboard.yaml` that quote the text; what is no text is refused by its place.
    private func configuration(_ world: HostileWorld, _ corpus: EscapeCorpus) async throws -> Sighting {
        let sighting = Sighting("mistakes in rollcall.yaml")
        let workspace = try Workspace()
        func check(_ content: [UInt8]) async throws -> String {
            try workspace.write("rollcall.yaml", content)
            let check = try await workspace.rollcall("check")
            #expect(check.code == 78 && check.output.isEmpty)
            sighting.take(check.errors, as: .text)
            return check.errors
        }
        for batch in batches(of: corpus.texts, 40) {
            _ = try await check(Array(("version: 1\n" + batch.map { "\(quoted($0)): x\n" }.joined()).utf8))
        }
        // What no configuration can hold is not quoted: the message names its line. All at once, then what is left alone.
        for size in [Int.max, 1] {
            let rest = corpus.payloads.filter { !sighting.seen.contains($0.tag) }
            for batch in batches(of: rest, min(size, max(1, rest.count))) {
                let lines = batch.flatMap { ($0.text == nil ? $0.bytes : Array(quoted($0).utf8)) + Array(": x\n".utf8) }
                let errors = try await check(Array("version: 1\n".utf8) + lines)
                for (index, payload) in batch.enumerated() where errors.contains("rollcall.yaml:\(index + 2):") {
                    sighting.take(payload.tag, as: nil)
                }
            }
        }
        return sighting
    }

    /// Screens and tables that a script saves.
    private func dumps(_ world: HostileWorld) async throws -> Sighting {
        let sighting = Sighting("saved screens and tables")
        let screens = ["overview", "runs", "events", "rejects", "logs", "destinations", "engine"]
        let steps = screens.map { "screen \($0)\ndump \($0)\nkeys S P\n" }.joined()
        try world.workspace.write("steps.txt", "wait ids\n" + steps)
        let folder = world.workspace.root + "/dumps"
        let ending = try await world.workspace.rollcall(
            "dashboard", "--script", world.workspace.folder + "/steps.txt", "--dump-dir", folder, "--size", "300x900")
        #expect(ending.code == 0, "\(ending.errors)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(files.count { $0.hasSuffix(".csv") } >= 3, "\(files)")
        for file in files {
            var content = bytes(at: folder + "/" + file)
            if file.hasSuffix(".csv") {
                expectNoFormula(in: content, file)
                content.removeAll { $0 == 0x0D }
            }
            sighting.take(content, as: .text)
        }
        return sighting
    }

    /// No cell that a spreadsheet would compute: what begins like a formula has an apostrophe in front.
    private func expectNoFormula(in csv: [UInt8], _ file: String) {
        for line in String(decoding: csv, as: UTF8.self).split(separator: "\r\n") {
            for cell in line.split(separator: ",").map({ $0.drop { $0 == "\"" } }) {
                guard let first = cell.first, "=@\t\r+-".contains(first) else { continue }
                #expect(cell.dropFirst().allSatisfy { $0.isNumber || ".k!\"".contains($0) }, "\(file): \(cell)")
            }
        }
    }

    /// The dashboard itself: every screen, every page.
    private func dashboards(_ world: HostileWorld) throws -> [Sighting] {
        let dashboard = try RunningDashboard(in: world.workspace, width: 300, height: 100)
        dashboard.see("ids@file")
        dashboard.see("live")
        let screens = [
            ("the dashboard's users and cohorts", ["5", "2"]), ("the dashboard's rejects and answers", ["7"]),
            ("the dashboard's logs and runs", ["8", "3"]),
        ]
        var sightings: [Sighting] = []
        for (name, keys) in screens {
            let sighting = Sighting(name)
            for key in keys {
                dashboard.press(key)
                dashboard.press("g")
                for _ in 0..<24 {
                    sighting.take(dashboard.pty.screen.lines.joined(separator: "\n"), as: nil)
                    dashboard.pty.press("\u{1B}[6~")
                }
                dashboard.press("\r")
                dashboard.pty.press("\u{1B}")
            }
            sightings.append(sighting)
        }
        dashboard.press("1")
        try dashboard.quit()
        let audit = SequenceAudit(dashboard.pty.bytes, .screen)
        for sequence in ["[?1049h", "[?1049l", "[?2004h", "[?1004h"] {
            #expect(audit.sequences[sequence, default: 0] <= 1, "\(sequence) came \(audit.sequences[sequence, default: 0]) times")
        }
        #expect(dashboard.pty.screen.strings.isEmpty && dashboard.pty.screen.bells == 0)
        // One stream of bytes has them all.
        sightings[0].take(dashboard.pty.bytes, as: .screen)
        return sightings
    }

    private func batches(of payloads: [EscapeCorpus.Payload], _ size: Int) -> [ArraySlice<EscapeCorpus.Payload>] {
        stride(from: 0, to: payloads.count, by: size).map { payloads[$0..<min($0 + size, payloads.count)] }
    }

    private func quoted(_ payload: EscapeCorpus.Payload) -> String { HostileWorld.yaml(payload.text ?? "") }
}
