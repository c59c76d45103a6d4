import Glibc
import SourceConnectors
import SyncEngine
import Testing

@Suite struct CommandSourceTests {
    private let folder = TemporaryFolder()

    private func command(
        _ argv: String..., column: String? = nil, timeout: Int = 60, outputLimit: Int = 1 << 30,
        environment: [String: String] = [:]
    ) -> CommandSource {
        CommandSource(
            argv: argv, column: column, timeout: timeout, outputLimit: outputLimit, workingDirectory: folder.path,
            environment: environment)
    }

    private func shell(_ script: String, column: String? = nil, timeout: Int = 60, outputLimit: Int = 1 << 30)
        -> CommandSource
    {
        command("/bin/sh", "-c", script, column: column, timeout: timeout, outputLimit: outputLimit)
    }

    @Test func readsOneIdALine() throws {
        #expect(try command("printf", "u1\\nu2\\r\\n\\nid").read().ids == ["u1", "u2", "id"])
        #expect(try command("true").read().rows.isEmpty)
        let rows = try shell("i=0; while [ $i -lt 20000 ]; do echo user-$i; i=$((i+1)); done").read()
        #expect(rows.ids == (0..<20_000).map { "user-\($0)" })
    }

    @Test func readsAColumn() throws {
        let source = command("printf", "name,user_id\\n\"A, B\",u1\\n,\\nC,u3\\n", column: "user_id")
        #expect(try source.read().rows == [.row(Array("u1".utf8), 2), .nobody(3), .row(Array("u3".utf8), 4)])
        let missing = try #require(command("echo", "a,b", column: "user_id").failure())
        #expect(missing.isMisconfigured("the output of echo", "\"a\", \"b\""))
        let several = try #require(command("echo", "a,b").failure())
        #expect(several.isMisconfigured("2 columns"))
    }

    @Test func noShellReadsTheArguments() throws {
        #expect(try command("echo", "$(id)", "*", "a;b").read().ids == ["$(id) * a;b"])
    }

    @Test func onlyStatusZeroProvesTheOutput() throws {
        let failed = try #require(shell("echo u1; echo 'first  line' >&2; echo second >&2; exit 3").failure())
        #expect(failed.isUnavailable("/bin/sh", "status 3", "first  line"))
        #expect(!failed.message.contains("second"))
        #expect(try #require(shell("echo u1; kill -TERM $$").failure()).isUnavailable("signal 15"))
        #expect(try #require(shell("exec >&-; exit 4").failure()).isUnavailable("status 4"))
        #expect(try shell("echo u1; echo complaint >&2").read().ids == ["u1"])
    }

    @Test func stderrIsCutAndMadePrintable() throws {
        let escape = try #require(shell("printf '\\033[31mred\\377\\n' >&2; exit 1").failure())
        #expect(escape.isUnavailable("\\u{1b}[31mred\\xff"))
        let flood = try #require(shell("yes complaint | head -c 300000 >&2; exit 5").failure())
        #expect(flood.isUnavailable("status 5: complaint"))
        let wide = try #require(shell("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 6").failure())
        #expect(wide.isUnavailable("status 6"))
        #expect(wide.message.utf8.count < 600)
    }

    @Test func timeIsLimited() throws {
        let error = try #require(shell("echo u1; sleep 600", timeout: 1).failure())
        #expect(error.isUnavailable("within 1 s", "killed"))
    }

    @Test func outputIsLimited() throws {
        let error = try #require(command("yes", outputLimit: 100_000).failure())
        #expect(error.isUnavailable("more than 100,000 bytes", "killed"))
        #expect(try command("printf", "12345678\\n", outputLimit: 9).read().ids == ["12345678"])
        #expect(command("printf", "12345678\\n", outputLimit: 8).failure() != nil)
    }

    @Test func aRaisedFlagKillsTheChildrenToo() throws {
        let stop = StopFlag()
        let rows = RecordedRows()
        rows.onRow = { stop.raise() }
        #expect(throws: SourceError.stopped) {
            // Rows are reported once the output's first 4 KiB have shown that it is text.
            try shell("sleep 600 & echo $!; yes | head -n 5000; wait").fetch(into: rows, stop: stop)
        }
        try expectGone(try #require(rows.ids.first))
    }

    @Test func childrenLeftBehindAreKilled() throws {
        let rows = try shell("sleep 600 >/dev/null 2>&1 & echo $!").read()
        try expectGone(try #require(rows.ids.first))
    }

    /// Waits until a killed process is gone, or is a zombie that its new parent has not collected.
    private func expectGone(_ process: String) throws {
        var isGone = false
        for _ in 0..<500 where !isGone {
            let fields = String(decoding: readFile("/proc/\(process)/stat"), as: UTF8.self).split(separator: " ")
            isGone = fields.count < 3 || fields[2] == "Z"
            if !isGone { poll(nil, 0, 10) }
        }
        #expect(isGone, "process \(process)")
    }

    @Test func aChildHoldingTheOutputIsWaitedFor() throws {
        let error = try #require(shell("(sleep 600; echo late) & echo u1", timeout: 1).failure())
        #expect(error.isUnavailable("within 1 s"))
    }

    @Test func theEnvironmentIsClean() throws {
        setenv("ROLLCALL_TEST_SECRET", "hidden", 1)
        let source = command("env", environment: ["ROLLCALL_COHORT": "vips", "LD_PRELOAD": "/evil.so"])
        let names = Set(try source.read().ids.map { String($0.prefix { $0 != "=" }) })
        #expect(names.isSuperset(of: ["PATH", "ROLLCALL_COHORT"]))
        #expect(names.isSubset(of: ["PATH", "HOME", "LANG", "TZ", "ROLLCALL_COHORT"]))
    }

    @Test func nothingElseIsInherited() throws {
        let open = Glibc.open("/dev/null", O_RDONLY)
        defer { close(open) }
        // `ls` itself opens the folder it lists, as 3.
        #expect(try command("ls", "/proc/self/fd").read().ids == ["0", "1", "2", "3"])
        #expect(try command("readlink", "/proc/self/fd/0").read().ids == ["/dev/null"])
        #expect(try command("pwd").read().ids == [folder.path])
        // A session of its own: the fourth field behind the name is its number, the first two are process and parent.
        let status = try #require(try shell("cut -d' ' -f1,5,6 /proc/$$/stat; :").read().ids.first)
        #expect(Set(status.split(separator: " ")).count == 1)
    }

    @Test func signalsAreAsAProgramExpects() throws {
        signal(SIGPIPE, SIG_IGN)
        let status = try command("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status").read().ids
        let masks = status.compactMap { UInt64($0.suffix(16), radix: 16) }
        #expect(masks.count == 2)
        // glibc keeps the first two real-time signals, 32 and 33, to itself.
        #expect(masks.allSatisfy { $0 & 0x7FFF_FFFF == 0 })
    }

    @Test func whatCannotBeStartedIsSaid() throws {
        #expect(try #require(command("no-such-program-here").failure()).isMisconfigured("not found"))
        let plain = folder.write("plain.sh", "echo u1\n")
        #expect(try #require(command(plain).failure()).isMisconfigured(plain, "executable"))
        #expect(try #require(CommandSource.empty.failure()).isMisconfigured("empty"))
        #expect(try #require(command("echo", "a\0b").failure()).isMisconfigured("NUL"))
        let lost = CommandSource(
            argv: ["true"], column: nil, timeout: 5, outputLimit: 10, workingDirectory: folder.at("none"))
        #expect(try #require(lost.failure()).isMisconfigured(folder.at("none")))
        chmod(plain, 0o700)
        writeFile(plain, Array("#!/bin/sh\necho u1\n".utf8), mode: "w")
        #expect(try command("./plain.sh").read().ids == ["u1"])
    }

    @Test func probeDoesNotRun() throws {
        let script = folder.write("run.sh", "#!/bin/sh\ntouch ran\n")
        #expect(throws: SourceError.self) { try command("./run.sh").probe() }
        chmod(script, 0o700)
        #expect(try command("./run.sh").probe().contains("was not run"))
        #expect(access(folder.at("ran"), F_OK) != 0)
        #expect(try command("sh").probe().contains("/sh is there"))
        #expect(throws: SourceError.self) { try command("no-such-program-here").probe() }
        #expect(command("a", "b c", column: "d").definition == "command \"a\" \"b c\", column d")
        #expect(command("a").kind == "command")
    }
}

extension CommandSource {
    fileprivate static var empty: CommandSource {
        CommandSource(argv: [], column: nil, timeout: 1, outputLimit: 1, workingDirectory: "/")
    }
}
