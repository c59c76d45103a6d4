import ArgumentParser
import Glibc

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Writes a commented starter rollcall.yaml and sample lists; overwrites nothing.")

    func run() throws {
        let location = WorkspaceLocation.current
        let files = StarterWorkspace.files
        for (name, _) in files where access(location.folder + "/" + name, F_OK) == 0 {
            throw Failure.usage("\(location.folder)/\(name) exists already and is not overwritten")
        }
        try createFolder(location.folder)
        try createFolder(location.folder + "/cohorts")
        for (name, text) in files {
            try write(text, to: location.folder + "/" + name)
            Output.line("wrote \(location.folder)/\(name)")
        }
        // Where no place was named none is to be named later: state lies elsewhere then (PRODUCT.md §2).
        let place = WorkspaceLocation.chosen == nil ? "" : " --workspace \(location.folder)"
        Output.line("next: rollcall\(place) check, then plan vips, then sync vips")
    }

    private func createFolder(_ path: String) throws(Failure) {
        var parents: [String] = []
        var rest = path
        while !rest.isEmpty, access(rest, F_OK) != 0 {
            parents.append(rest)
            rest = rest.lastIndex(of: "/").map { String(rest[..<$0]) } ?? ""
        }
        for folder in parents.reversed() where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw Failure(1, "cannot create \(folder): \(String(cString: strerror(errno)))")
        }
    }

    private func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(1, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw Failure(1, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}

/// What `rollcall init` writes: works as it is, without an account.
enum StarterWorkspace {
    static let files: [(name: String, text: String)] = [
        ("rollcall.yaml", configuration), ("cohorts/vips.csv", vips), ("cohorts/newsletter.csv", newsletter),
    ]

    private static let configuration = """
        # Rollcall: which cohorts there are, who is told of them, and when.
        # Check this file with `rollcall check`; see what would be sent with `rollcall plan vips`.
        version: 1
        timezone: UTC                       # default zone of schedules

        sources:
          lists: {kind: csv, directory: cohorts}
          # app: {kind: sqlite, path: app.db}
          # crm: {kind: postgres, url: {env: DATABASE_URL}}
          # anything: {kind: command, timeout: 10m}

        destinations:
          file: {kind: ndjson, path: out.ndjson}
          # A local stand-in: run `rollcall receiver` in another terminal, then use this.
          # rehearsal: {kind: segment, endpoint: "http://127.0.0.1:8844/v1", write_key: {env: SEGMENT_WRITE_KEY}}
          # segment: {kind: segment, region: us, write_key: {env: SEGMENT_WRITE_KEY}, rate: 500/s}

        cohorts:
          vips:
            name: VIPs
            source: lists
            file: vips.csv
            column: user_id
            to: [file]
            schedule: manual                # or: daily at 06:30, hourly at :15, every 15m, */15 8-18 * * mon-fri
          newsletter:
            name: Newsletter readers
            source: lists
            file: newsletter.csv            # one id a line
            to: [file]
            schedule: {when: daily at 06:30, paused: true}
            guards: {max_leave: 20%, max_growth: 5x}

        """

    private static let vips = "user_id,since\nu-1001,2024-03-01\nu-1002,2024-05-17\nu-1003,2025-01-09\n"
    private static let newsletter = "u-1001\nu-1002\nu-1004\nu-1005\n"
}
