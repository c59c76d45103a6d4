import Foundation
import Glibc
import Testing

/// The house rules, checked over the files that git tracks.
struct HouseRules {
    private static let root: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static let tracked: [String] = {
        // Not Foundation's Process: its pipe can end up in a child that another suite starts at the same moment, and then
        // it does not end before that child does.
        let quoted = "'" + root.path.replacingOccurrences(of: "'", with: "'\\''") + "'"
        guard let output = popen("git -C \(quoted) ls-files --cached --others --exclude-standard", "re") else { return [] }
        defer { pclose(output) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&piece, 1, piece.count, output), count > 0 { bytes += piece[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { FileManager.default.fileExists(atPath: root.appendingPathComponent($0).path) }
    }()

    private static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }

    private static var swift: [String] { tracked.filter { $0.hasSuffix(".swift") } }
    private static var sources: [String] { swift.filter { $0.hasPrefix("Sources/") } }

    @Test func filesAreTracked() {
        #expect(Self.sources.count > 100)
        #expect(Self.tracked.contains(".ci/run"))
        #expect(!Self.tracked.contains { $0.hasPrefix(".build") || $0 == "Package.resolved" })
    }

    @Test func nothingIsLeftForLater() throws {
        let marks = try Regex("\\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK|unimple" + "mented)\\b")
        for path in Self.swift {
            #expect(Self.text(path).firstMatch(of: marks) == nil, "\(path) has a mark of unfinished work")
        }
    }

    @Test func filesHoldOneConcept() {
        for path in Self.sources {
            let lines = Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 650, "\(path) has \(lines) lines")
        }
    }

    @Test func linesFitTheScreen() {
        for path in Self.sources {
            for (number, line) in Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                #expect(line.count <= 140, "\(path):\(number + 1) has \(line.count) characters")
            }
        }
    }

    @Test func nothingIsPublic() throws {
        let word = try Regex("^\\s*(public|open) ").anchorsMatchLineEndings()
        for path in Self.sources {
            #expect(Self.text(path).firstMatch(of: word) == nil, "\(path) declares something public")
        }
    }

    @Test func uncheckedSendableIsExplained() {
        for path in Self.sources {
            let lines = Self.text(path).split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated()
            where line.contains("@unchecked Sendable") && !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
                let near = lines[max(0, number - 1)...min(lines.count - 1, number + 2)]
                #expect(near.contains { $0.contains("//") }, "\(path):\(number + 1) does not say why it is safe")
            }
        }
    }

    /// Arrows point one way: what each target may import of ours.
    @Test func importsPointOneWay() {
        let allowed: [String: Set<String>] = [
            "Scheduling": [], "TerminalText": [], "Secrets": [], "WarehouseNames": [],
            "Membership": ["Scheduling"],
            "SyncEngine": ["Membership", "Scheduling"],
            "HTTPClient": [], "MailClient": ["Secrets"],
            "PostgresClient": ["Secrets", "SyncEngine", "TerminalText"],
            "SourceConnectors": ["HTTPClient", "PostgresClient", "Scheduling", "Secrets", "SyncEngine"],
            "AmplitudeStandIn": [],
            "DestinationConnectors": [
                "HTTPClient", "PostgresClient", "Scheduling", "Secrets", "SyncEngine", "WarehouseNames",
            ],
            "AlertChannels": ["HTTPClient", "MailClient", "Scheduling", "Secrets", "SyncEngine"],
            "SQLiteStore": ["Scheduling", "SyncEngine"],
            "Configuration": ["Scheduling", "Secrets", "SyncEngine", "WarehouseNames"],
            "Receiver": ["WarehouseNames"],
            "Control": ["HTTPClient"],
            "ControlServer": ["Control", "Membership", "Scheduling", "SyncEngine"],
            "Dashboard": ["Control", "Scheduling", "TerminalText"],
            "DashboardTerminal": ["Dashboard"],
        ]
        let ours = Set(allowed.keys)
        for path in Self.sources {
            let target = String(path.split(separator: "/")[1])
            guard let may = allowed[target] else { continue }
            for line in Self.text(path).split(separator: "\n") where line.hasPrefix("import ") {
                let module = String(line.dropFirst("import ".count))
                #expect(!ours.contains(module) || may.contains(module), "\(path) imports \(module)")
            }
        }
    }

    @Test func noTestIsForgotten() {
        for path in Self.swift where path.hasPrefix("Tests/") {
            let lines = Self.text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            for (number, line) in lines.enumerated() {
                let trimmed = line.trimmingCharacters(in: .whitespaces)
                guard trimmed.hasPrefix("func test"), trimmed.contains("()") else { continue }
                let above = lines[max(0, number - 2)...number].joined()
                #expect(above.contains("@Test"), "\(path):\(number + 1) looks like a test that never runs")
            }
        }
    }

    @Test func noMachinePathsStandInTheProject() {
        let words = ["/wo" + "rk/", "/opt/" + "swift-packages", "farm" + "-bench", "farm" + "-studio"]
        for path in Self.tracked where !path.hasSuffix(".png") {
            let text = Self.text(path)
            for word in words { #expect(!text.contains(word), "\(path) names \(word)") }
        }
    }

    /// The documents name tests as `File.swift:function`; what they name must exist.
    @Test(arguments: ["contract.md": 50, "reliability.md": 40, "threat-model.md": 25])
    func theDocumentsNameWhatExists(document: String, least: Int) {
        let reference = /`([A-Za-z0-9_]+\.swift):([A-Za-z0-9_]+)`/
        let files = Dictionary(grouping: Self.swift.filter { $0.hasPrefix("Tests/") }) {
            String($0.split(separator: "/").last ?? "")
        }
        var count = 0
        for match in Self.text("Resources/docs/" + document).matches(of: reference) {
            count += 1
            let (name, function) = (String(match.1), String(match.2))
            let found = (files[name] ?? []).contains { Self.text($0).contains("func \(function)(") }
            #expect(found, "\(document) names \(name):\(function), which does not exist")
        }
        #expect(count >= least, "\(document) names only \(count) tests")
    }
}
