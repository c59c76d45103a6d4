import Foundation
import Testing

/// What is shipped beside the program, as text: the service unit, the dependencies and their bill of materials.
struct Deployment {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test("the service unit confines the engine, line by line", arguments: [
        "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
        "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectClock=yes",
        "ProtectHostname=yes", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "RestrictNamespaces=yes", "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes", "LockPersonality=yes", "SystemCallFilter=@system-service", "SystemCallArchitectures=native",
        "CapabilityBoundingSet=", "RemoveIPC=yes", "LimitCORE=0", "UMask=0077", "StateDirectoryMode=0700", "User=rollcall",
        "RestartPreventExitStatus=64 75 78", "Environment=SWIFT_BACKTRACE=registers=none,sanitize=yes,interactive=no,color=no",
    ])
    func unit(_ line: String) throws {
        let lines = try Self.text("Resources/rollcall.service").split(separator: "\n")
        #expect(lines.contains { $0 == line }, "the unit does not say \(line)")
    }

    @Test("the unit names no secret but by its credential, and every line of it is a setting of systemd")
    func unitHasNoSecret() throws {
        var section = ""
        for line in try Self.text("Resources/rollcall.service").split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("[") {
                section = String(line)
                continue
            }
            #expect(line.wholeMatch(of: /[A-Z][A-Za-z]+=.*/) != nil, "\(section) \(line)")
            #expect(!line.lowercased().contains("write_key") && !line.lowercased().contains("secret"), "\(line)")
        }
    }

    @Test("every package is pinned to one version, and stands in the bill of materials with it")
    func pinned() throws {
        let manifest = try Self.text("Package.swift")
        let all = manifest.matches(of: /\.package\(/).count
        let pinned = manifest.matches(of: /\.package\(url: "https:\/\/github\.com\/([^"]+)", exact: "([0-9.]+)"\)/)
        #expect(all == pinned.count && all > 0, "\(all) packages, \(pinned.count) of them pinned to one version")
        let bill = try Self.text("Resources/docs/threat-model.md")
        for match in pinned {
            let name = match.1.split(separator: "/").last.map(String.init) ?? ""
            #expect(bill.contains("| \(name) | \(match.2) |"), "\(name) \(match.2) is not in the bill of materials")
        }
        for library in ["libcurl", "libcrypto", "libpq", "sqlite3", "zlib", "ncurses"] {
            #expect(bill.contains("| \(library) |"), "\(library) is not in the bill of materials")
        }
    }

    @Test("every linked library of the manifest stands in the bill of materials")
    func linked() throws {
        let bill = try Self.text("Resources/docs/threat-model.md")
        let names = ["crypto": "libcrypto", "curl": "libcurl", "ncursesw": "ncurses", "tinfo": "ncurses"]
        for match in try Self.text("Package.swift").matches(of: /linkedLibrary\("([a-z]+)"\)/) {
            let name = try #require(names[String(match.1)], "\(match.1) is new: put it into the bill of materials")
            #expect(bill.contains("| \(name) |"))
        }
    }

    private struct Resolved: Decodable {
        struct Pin: Decodable {
            struct State: Decodable {
                let revision: String
                let version: String
            }
            let identity: String
            let state: State
        }
        let pins: [Pin]
    }

    @Test("every package was fetched at the commit that is on record for its version")
    func revisions() throws {
        let resolved = try JSONDecoder().decode(Resolved.self, from: Data(Self.text("Package.resolved").utf8))
        let fetched = resolved.pins.map { "\($0.identity) \($0.state.version) \($0.state.revision)" }.sorted()
        let recorded = try Self.text("Resources/pins.txt").split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        #expect(fetched == recorded.sorted() && !recorded.isEmpty)
        let manifest = try Self.text("Package.swift").lowercased()
        for line in recorded {
            let words = line.split(separator: " ")
            #expect(words.count == 3 && words[2].wholeMatch(of: /[0-9a-f]{40}/) != nil, "\(line)")
            #expect(manifest.contains("/\(words[0])\", exact: \"\(words[1])\""), "\(line)")
        }
    }

    /// Into a file, since a pipe can end up in a child that another test starts at the same moment.
    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let path = NSTemporaryDirectory() + "rollcall-output-\(UUID().uuidString.prefix(8))"
        try Data().write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self))
    }

    @Test("a release's sums are verified with its public key, and neither a changed file, sum nor key passes")
    func signedSums() throws {
        let release = Self.root.appendingPathComponent("Resources/scripts/release").path
        let folder = NSTemporaryDirectory() + "rollcall-release-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["key", "other"] {
            #expect(try run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "\(folder)/\(name)"]).status == 0)
            #expect(try run(["openssl", "pkey", "-in", "\(folder)/\(name)", "-pubout", "-out", "\(folder)/\(name).pub"]).status == 0)
        }
        let archive = folder + "/rollcall.tar.gz"
        let sums = folder + "/SHA256SUMS"
        let write = { (path: String, text: String) in try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        try write(archive, "program")
        let sum = try run(["sha256sum", archive]).output.prefix(64)
        try write(sums, "\(sum)  rollcall.tar.gz\n")
        #expect(try run([release, "--sign", folder, folder + "/key"]).status == 0)
        let verify = { (key: String) in try run([release, "--verify", folder, "\(folder)/\(key)"]) }
        let good = try verify("key.pub")
        #expect(good.status == 0 && good.output.contains("rollcall.tar.gz: OK"), "\(good.output)")
        #expect(try verify("other.pub").status != 0)
        try write(archive, "another program")
        #expect(try verify("key.pub").status != 0)
        try write(sums, try run(["sha256sum", archive]).output.prefix(64) + "  rollcall.tar.gz\n")
        #expect(try verify("key.pub").status != 0)
    }

    @Test("the bill of materials of a program names every package with its commit, and the libraries it loads with their packages")
    func bill() throws {
        let release = Self.root.appendingPathComponent("Resources/scripts/release").path
        let runner = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = runner.deletingLastPathComponent().appendingPathComponent("rollcall").path
        let printed = try run([release, "--bill", program, Self.root.appendingPathComponent("Package.resolved").path])
        #expect(printed.status == 0)
        let bill = try #require(
            try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [String: Any], "\(printed.output)")
        #expect(bill["bomFormat"] as? String == "CycloneDX")
        for line in try Self.text("Resources/pins.txt").split(separator: "\n") where !line.hasPrefix("#") {
            #expect(printed.output.contains("commit \(line.split(separator: " ").last ?? "?")"), "\(line)")
        }
        for package in ["libcurl4", "libssl3", "libpq5", "libsqlite3-0", "zlib1g", "libncursesw6"] {
            #expect(printed.output.contains("pkg:deb/debian/\(package)@"), "\(package)")
        }
    }
}
