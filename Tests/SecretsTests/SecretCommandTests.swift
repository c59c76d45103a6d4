import Glibc
import Testing

@testable import Secrets

struct SecretCommandTests {
    private func run(_ arguments: [String], in folder: String = "/") -> Result<Secret, SecretError> {
        do { return .success(try SecretReference.command(arguments).resolve(relativeTo: folder)) } catch {
            return .failure(error)
        }
    }

    private func message(_ arguments: [String], in folder: String = "/") -> String {
        if case .failure(let error) = run(arguments, in: folder) { error.message } else { "" }
    }

    @Test func outputIsTheSecret() throws {
        #expect(try run(["printf", "k€y\n"]).get() == Secret(Array("k€y".utf8)))
        #expect(try run(["/usr/bin/printf", "%s", "a b; $HOME"]).get() == Secret(Array("a b; $HOME".utf8)))
        #expect(try run(["sh", "-c", "head -c 65535 /dev/zero | tr '\\0' x"]).get().reveal().count == 65_535)
    }

    @Test func relativeProgramsStartInTheWorkspace() throws {
        let folder = SecretFolder()
        folder.write("#!/bin/sh\npwd\n", to: "get-key", mode: 0o700)
        let found = try run(["./get-key"], in: folder.path).get().revealText()
        #expect(found.hasSuffix(folder.path))
    }

    @Test func environmentIsThreeVariables() throws {
        // This process has more of them, or the test would show nothing.
        var count = 0
        while environ[count] != nil { count += 1 }
        #expect(count > 3)
        let names = try run(["env"]).get().revealText().split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(names.contains("PATH"))
        #expect(Set(names).isSubset(of: ["PATH", "HOME", "LANG"]))
    }

    @Test func noOpenFilesNoInputNoSignalsHeld() throws {
        let extra = open("/dev/null", O_RDONLY)
        defer { close(extra) }
        let listing = try run(["sh", "-c", "echo /proc/self/fd/*"]).get().revealText()
        let open = Set(listing.split(separator: " ").compactMap { $0.split(separator: "/").last })
        // The shell opens the folder itself to list it, as 3.
        #expect(open.isSubset(of: ["0", "1", "2", "3"]))
        #expect(try run(["sh", "-c", "cat; echo end"]).get().revealText() == "end")
        signal(SIGPIPE, SIG_IGN)
        let status = try run(["grep", "SigIgn", "/proc/self/status"]).get().revealText()
        let ignored = status.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
        // Bits from 31 on are signals that the C library keeps for itself.
        #expect(ignored.map { $0 & 0x7FFF_FFFF } == 0)
    }

    @Test func failuresNameTheProgramAndTheReasonOnly() {
        #expect(
            message(["sh", "-c", "echo c4n4ry; echo c4n4ry >&2; exit 3"])
                == "command sh: it exited with 3; run it by hand to see why")
        #expect(
            message(["sh", "-c", "kill -9 $$"]) == "command sh: it was ended by signal 9; run it by hand to see why")
        #expect(message(["true"]).hasPrefix("command true: it printed nothing"))
        #expect(message(["/no/such/program"]).contains("could not be started (No such file or directory)"))
        #expect(message(["/etc/passwd"]).contains("could not be started (Permission denied)"))
        #expect(message([]).contains("the list is empty"))
        #expect(message(["a\0b"]).contains("NUL"))
        #expect(message(["true"], in: "/no/such/folder").contains("could not be started"))
    }

    @Test func outputHasALimit() {
        #expect(
            message(["sh", "-c", "yes c4n4ry"])
                == "command sh: it printed more than 64 KiB; let it print the secret alone")
    }

    /// What a program started holds a FIFO open; its reader is hung up on when the last of them has ended.
    @Test func whatTheProgramStartedEndsWithIt() {
        let folder = SecretFolder()
        mkfifo(folder.file("fifo"), 0o600)
        let reader = open(folder.file("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let script = "exec 3>fifo; sleep 7200 >&3 & exec 3>&-; yes"
        #expect(message(["sh", "-c", script], in: folder.path).contains("more than 64 KiB"))
        var waiting = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 10_000) == 1)
        #expect(waiting.revents & Int16(POLLHUP) != 0)
    }

    /// The programs wait for hours; only the deadline ends them, and what they started with them.
    @Test(arguments: [
        ["sleep", "7200"], ["sh", "-c", "sleep 7200 & echo key"], ["sh", "-c", "exec >&-; sleep 7200"],
        ["sh", "-c", "trap '' TERM; echo key; sleep 7200"],
    ])
    func timeHasALimit(arguments: [String]) {
        let expected = SecretError.unavailable(
            "command \(arguments[0]): it did not end in time and was stopped; run it by hand to see why")
        #expect(throws: expected) {
            try SecretCommand.run(arguments, in: "/", reference: "command \(arguments[0])", deadline: 60)
        }
    }
}
