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
}
