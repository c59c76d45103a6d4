import Glibc
import SourceConnectors
import Synchronization
import SyncEngine
import Testing

/// Counts calls from any thread.
private final class Counter: Sendable {
    private let count = Atomic(0)

    /// 1 at the first call, 2 at the second, and so on.
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}

@Suite struct CSVSourceTests {
    private let folder = TemporaryFolder()

    private func source(_ path: String, root: String? = nil, column: String? = "user_id") -> CSVSource {
        CSVSource(path: path, root: root, column: column)
    }

    @Test func readsAFileOfManyBlocks() throws {
        let ids = (0..<60_000).map { "user-\($0)" }
        let path = folder.write("large.csv", "user_id\r\n" + ids.joined(separator: "\r\n"))
        #expect(try source(path).read().ids == ids)
        #expect(try source(path, column: nil).read().ids == ids)
    }

    @Test func anEmptyFileHasNoRows() throws {
        #expect(try source(folder.write("empty.csv", "")).read().rows.isEmpty)
        #expect(try source(folder.write("header.csv", "user_id\n")).read().rows.isEmpty)
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        let error = try #require(source(folder.at("none.csv")).failure())
        #expect(error.isMisconfigured(folder.at("none.csv"), "does not exist"))
        #expect(try #require(source("").failure()).isMisconfigured("not a path"))
        #expect(try #require(source(folder.write("a", "u1\n") + "\0.csv").failure()).isMisconfigured("not a path"))
        #expect(try #require(source(folder.at("a/b.csv")).failure()).isMisconfigured("Not a directory"))
    }

    @Test func onlyRegularFilesAreOpened() throws {
        #expect(mkfifo(folder.at("fifo"), 0o600) == 0)
        #expect(try #require(source(folder.at("fifo")).failure()).isMisconfigured("named pipe"))
        #expect(try #require(source(folder.path).failure()).isMisconfigured("a directory"))
        #expect(try #require(source("/dev/zero").failure()).isMisconfigured("a device"))
        #expect(try #require(source("/proc/self/status").failure()).isMisconfigured("/proc"))
        #expect(symlink("/proc/self/environ", folder.at("environ")) == 0)
        #expect(try #require(source(folder.at("environ")).failure()).isMisconfigured("/proc"))
    }

    @Test func linksMayNotLeaveTheRoot() throws {
        let inside = folder.at("lists")
        #expect(mkdir(inside, 0o700) == 0)
        folder.write("lists/a.csv", "user_id\nu1\n")
        folder.write("secret.csv", "user_id\nu2\n")
        folder.write("lists-not.csv", "user_id\nu3\n")
        #expect(symlink("a.csv", "\(inside)/stays.csv") == 0)
        #expect(symlink("../secret.csv", "\(inside)/leaves.csv") == 0)
        #expect(symlink("..", "\(inside)/up") == 0)
        #expect(try source("\(inside)/a.csv", root: inside).read().ids == ["u1"])
        #expect(try source("\(inside)/stays.csv", root: "\(inside)/").read().ids == ["u1"])
        for path in ["/leaves.csv", "/../secret.csv", "/up/secret.csv", "-not.csv"] {
            let error = try #require(source(inside + path, root: inside).failure(), "\(path)")
            #expect(error.isMisconfigured("outside"))
        }
        #expect(try source("\(inside)/leaves.csv").read().ids == ["u2"])
        let noRoot = try #require(source("\(inside)/a.csv", root: folder.at("none")).failure())
        #expect(noRoot.isMisconfigured("directory", "does not exist"))
    }

    @Test(arguments: ["append", "truncate", "touch", "replace", "remove", "rewrite"])
    func aFileThatChangesMeanwhileGivesNothing(change: String) throws {
        let text = "user_id\n" + String(repeating: "user\n", count: 200_000)
        let path = folder.write("list.csv", text)
        var source = source(path)
        let other = folder.write("new.csv", text)
        let changes = Counter()
        source.afterBlock = { _ in
            guard changes.next() == 1 else { return }
            switch change {
            case "append": writeFile(path, Array("late\n".utf8), mode: "a")
            case "truncate": truncate(path, 400_000)
            case "touch": runShell("touch -d '2001-02-03' '\(path)'")
            case "replace": rename(other, path)
            case "remove": unlink(path)
            default: writeFile(path, Array(text.utf8), mode: "r+")
            }
        }
        let words = ["replace": "was replaced", "remove": "was removed"]
        let error = try #require(source.failure())
        #expect(error.isUnavailable(path, words[change] ?? "changed while it was read"), "\(error)")
        #expect(changes.next() > 1)
    }

    @Test func aHeaderThatIsStillBeingWrittenIsNoMistake() throws {
        let path = folder.write("list.csv", "user_" + String(repeating: " ", count: 300_000))
        var source = source(path)
        source.afterBlock = { _ in writeFile(path, Array("id\nu1\n".utf8), mode: "w") }
        #expect(try #require(source.failure()).isUnavailable("changed while it was read"))
    }

    @Test func aFileThatGrowsForeverIsLeft() throws {
        let line = [UInt8](repeating: UInt8(ascii: "\n"), count: 300_000)
        let path = folder.write("list.csv", line)
        var source = source(path, column: nil)
        source.afterBlock = { _ in writeFile(path, line, mode: "a") }
        #expect(try #require(source.failure()).isUnavailable("changed while it was read"))
    }

    @Test func aRaisedFlagStops() throws {
        let path = folder.write("list.csv", "user_id\n" + String(repeating: "user\n", count: 200_000))
        let stop = StopFlag()
        let rows = RecordedRows()
        rows.onRow = { stop.raise() }
        #expect(throws: SourceError.stopped) { try source(path).fetch(into: rows, stop: stop) }
        #expect(rows.rows.count < 100_000)
        writeFile(path, gzip(readFile(path)), mode: "w")
        #expect(source(path).failure(stop: stop) == .stopped)
    }

    @Test func settingsThatContradictAreSaid() throws {
        let path = folder.write("list.csv", "user_id\nu1\n")
        let headless = CSVSource(path: path, root: nil, column: "user_id", header: .absent)
        #expect(try #require(headless.failure()).isMisconfigured("must have a header"))
        let quote = CSVSource(path: path, root: nil, column: "user_id", delimiter: UInt8(ascii: "\""))
        #expect(try #require(quote.failure()).isMisconfigured("cannot separate fields"))
    }

    @Test func probeLooksNoFurtherThanTheHeader() throws {
        let path = folder.write("list.csv", "user_id\n" + String(repeating: "user\n", count: 200_000))
        #expect(try source(path).probe().hasPrefix("1,000,008 bytes, modified "))
        runShell("touch -d '3 minutes ago' '\(path)'")
        #expect(try source(path).probe() == "1,000,008 bytes, modified 3 minutes ago")
        let missing = #expect(throws: SourceError.self) { try source(path, column: "email").probe() }
        #expect(try #require(missing).isMisconfigured("no column \"email\"", "\"user_id\""))
        let zipped = folder.write("list.csv.gz", gzip(Array("user_id\nu1\n".utf8)))
        #expect(try source(zipped).probe().contains("bytes, modified"))
    }

    @Test func theDefinitionSaysWhatSelects() {
        #expect(source("a.csv").definition == "file a.csv, column user_id")
        #expect(source("a.csv", column: nil).definition == "file a.csv")
        #expect(source("a.csv").kind == "csv")
    }

    @Test func noDescriptorLeftIsNotTheEndOfTheFile() async {
        let path = folder.write("list.csv", "user_id\nu1\n")
        await #expect(processExitsWith: .exitCode(42)) { [path = path as String] in
            var limit = rlimit(rlim_cur: 3, rlim_max: 3)
            // Nothing above the three standard descriptors can be opened from here on.
            setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
            let error = CSVSource(path: path, root: nil, column: "user_id").failure()
            exit(error?.isUnavailable("Too many open files") == true ? 42 : 1)
        }
    }
}
