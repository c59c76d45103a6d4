import Glibc
import Testing

@testable import Secrets

struct SecretFileTests {
    private let canary = "c4n4ry-sk_live_9f8e7d"

    @Test(arguments: [
        ("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n"), (" key ", " key "),
        ("a\nb\n", "a\nb"),
    ])
    func newlineAtTheEndIsTakenOff(content: String, secret: String) throws {
        let folder = SecretFolder()
        folder.write(content, to: "key")
        let found = try SecretReference.file("key").resolve(relativeTo: folder.path)
        #expect(found == Secret(Array(secret.utf8)))
        #expect(try SecretReference.file(folder.file("key")).resolve(relativeTo: "/nowhere") == found)
    }

    @Test(arguments: [0o600, 0o400, 0o700, 0o200, 0o640, 0o604, 0o660, 0o602, 0o620, 0o610, 0o601, 0o644, 0o666, 0o777])
    func modeMustKeepOthersOut(mode: Int) throws {
        let folder = SecretFolder()
        folder.write(canary, to: "key", mode: mode_t(mode))
        let result = resolve(.file("key"), folder)
        if mode & 0o077 == 0 {
            // Root reads whatever the mode says; others cannot read what they do not allow themselves.
            if geteuid() == 0 || mode & 0o400 != 0 { #expect((try? result.get()) == Secret(Array(canary.utf8))) }
        } else {
            #expect(
                error(result)
                    == .unsafe(
                        "file key: mode \(String(mode, radix: 8)) lets others at it: chmod 600 \(folder.file("key"))"))
        }
    }

    @Test func ownerMustBeTheUserOrRoot() throws {
        let folder = SecretFolder()
        folder.write(canary, to: "key")
        // Only root can give a file to somebody else; without that the rule is shown by the owner's own file alone.
        if geteuid() == 0 {
            #expect(chown(folder.file("key"), 4_242, 4_242) == 0)
            let found = error(resolve(.file("key"), folder))
            #expect(
                found
                    == .unsafe(
                        "file key: it belongs to user 4242; it must belong to user 0 or root: "
                            + "chown 0 \(folder.file("key"))"
                    ))
        } else {
            #expect(try resolve(.file("key"), folder).get() == Secret(Array(canary.utf8)))
        }
    }

    @Test func onlyRegularFiles() {
        let folder = SecretFolder()
        folder.write(canary, to: "real")
        symlink(folder.file("real"), folder.file("link"))
        symlink("nothing", folder.file("dangling"))
        mkdir(folder.file("folder"), 0o700)
        mkfifo(folder.file("fifo"), 0o600)
        let rows: [(String, String)] = [
            ("link", "symbolic link"), ("dangling", "symbolic link"), ("folder", "a folder"),
            ("fifo", "not a regular file"), ("/dev/null", "not a regular file"), ("/dev/tty", "not a regular file"),
        ]
        for (path, message) in rows {
            let found = error(resolve(.file(path), folder))
            // Where there is no terminal, /dev/tty cannot even be opened.
            #expect(
                found?.message.contains(message) == true || path == "/dev/tty" && found != nil,
                "\(path): \(found as Any)")
        }
    }

    @Test func fifoWithAWriterDoesNotHang() {
        let folder = SecretFolder()
        mkfifo(folder.file("fifo"), 0o600)
        let writer = open(folder.file("fifo"), O_RDWR | O_NONBLOCK)
        defer { close(writer) }
        #expect(error(resolve(.file("fifo"), folder))?.message.contains("not a regular file") == true)
    }

    @Test func missingEmptyAndTooLarge() {
        let folder = SecretFolder()
        #expect(
            error(resolve(.file("none"), folder))
                == .unavailable("file none: there is no such file; create it with mode 600"))
        folder.write("", to: "empty")
        #expect(
            error(resolve(.file("empty"), folder))
                == .unavailable("file empty: the file is empty; write the secret into it"))
        folder.write("\n", to: "newline")
        #expect(error(resolve(.file("newline"), folder))?.message.contains("empty") == true)
        folder.write(String(repeating: "x", count: 65_536), to: "largest")
        #expect((try? resolve(.file("largest"), folder).get())?.reveal().count == 65_536)
        folder.write(String(repeating: "x", count: 65_537), to: "larger")
        #expect(error(resolve(.file("larger"), folder))?.message.contains("larger than 64 KiB") == true)
        #expect(error(resolve(.file(""), folder)) != nil)
    }

    @Test func nothingPrintsASecret() throws {
        let folder = SecretFolder()
        folder.write(canary, to: "key")
        let secret = try resolve(.file("key"), folder).get()
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
            #expect(!text.contains("c4n4ry"))
        }
    }

    private func resolve(_ reference: SecretReference, _ folder: SecretFolder) -> Result<Secret, SecretError> {
        do { return .success(try reference.resolve(relativeTo: folder.path)) } catch { return .failure(error) }
    }

    private func error(_ result: Result<Secret, SecretError>) -> SecretError? {
        guard case .failure(let error) = result else { return nil }
        #expect(!error.message.contains(canary))
        return error
    }
}
