import Foundation
import Glibc
import HTTPClient
import Scheduling
import SyncEngine
import Synchronization
import Testing

@testable import DestinationConnectors

/// A folder of its own, removed with its last user.
private final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/rollcall-ndjson-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit { system("rm -rf '\(path)'") }

    func file(_ name: String = "out.ndjson") -> String { "\(path)/\(name)" }

    func text(_ name: String = "out.ndjson") -> String {
        String(decoding: FileManager.default.contents(atPath: file(name)) ?? Data(), as: UTF8.self)
    }

    func write(_ text: String, _ name: String = "out.ndjson") {
        _ = FileManager.default.createFile(atPath: file(name), contents: Data(text.utf8))
    }
}

private func batch(_ destination: NDJSONDestination, _ ids: [String]) -> EncodedBatch {
    let encoder = destination.encoder(for: .spenders)
    var batch = EncodedBatch()
    for id in ids { #expect(encoder.append(id, to: &batch) == .added) }
    return batch
}

@Suite struct NDJSONDestinationTests {
    @Test func batchesAreLinesOfTheDocumentedMessage() async throws {
        let folder = try Folder()
        let destination = NDJSONDestination(path: folder.file())
        for ids in [["u-1", "u\n2"], ["u\"3"]] {
            let outcome = await destination.deliver(batch(destination, ids), attempt: 0, sentAt: .noon)
            #expect(outcome == .accepted(status: 0, rejected: []))
        }
        let lines = folder.text().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines.last == "")
        let read = try lines.dropLast().map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(read.map { $0["userId"] as? String } == ["u-1", "u\n2", "u\"3"])
        #expect(Set(read[0].keys) == ["type", "userId", "messageId", "timestamp", "traits", "context"])
        var status = stat()
        #expect(lstat(folder.file(), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(destination.kind == "ndjson" && destination.address == folder.file() && destination.deduplicates)
    }

    @Test func aTornLastLineIsEnded() async throws {
        let folder = try Folder()
        folder.write("{\"whole\":1}\n{\"torn\":")
        let destination = NDJSONDestination(path: folder.file())
        _ = await destination.deliver(batch(destination, ["a"]), attempt: 0, sentAt: .noon)
        let lines = folder.text().split(separator: "\n")
        #expect(lines.count == 3 && lines[1] == "{\"torn\":" && lines[2].hasPrefix("{\"type\""))
    }

    @Test func whatIsNoRegularFileIsBlocked() async throws {
        let folder = try Folder()
        folder.write("mine\n", "target")
        symlink(folder.file("target"), folder.file("link"))
        mkfifo(folder.file("pipe"), 0o600)
        mkdir(folder.file("folder"), 0o700)
        for path in ["link", "pipe", "folder", "missing/out.ndjson"].map(folder.file) + ["/dev/full", "", "/"] {
            let destination = NDJSONDestination(path: path)
            let outcome = await destination.deliver(batch(destination, ["a"]), attempt: 0, sentAt: .noon)
            #expect(outcome.decision == "blocked", "\(path): \(outcome)")
            #expect(await !destination.probe().isReachable, "\(path)")
        }
        #expect(folder.text("target") == "mine\n")
    }

    @Test func aProbeCreatesNothing() async throws {
        let folder = try Folder()
        let destination = NDJSONDestination(path: folder.file())
        #expect(await destination.probe().isReachable)
        #expect(access(folder.file(), F_OK) != 0)
        folder.write("x\n")
        let found = await destination.probe()
        #expect(found.isReachable && found.detail.contains("2 bytes"))
        #expect(folder.text() == "x\n")
    }

    @Test func anEmptyBatchTouchesNothing() async throws {
        let folder = try Folder()
        let destination = NDJSONDestination(path: folder.file())
        #expect(await destination.deliver(EncodedBatch(), attempt: 0, sentAt: .noon).decision == "accepted")
        #expect(access(folder.file(), F_OK) != 0)
    }

    @Test func aRotatedFileIsLeftAlone() async throws {
        let folder = try Folder()
        let destination = NDJSONDestination(path: folder.file())
        _ = await destination.deliver(batch(destination, ["a"]), attempt: 0, sentAt: .noon)
        rename(folder.file(), folder.file("old"))
        _ = await destination.deliver(batch(destination, ["b"]), attempt: 0, sentAt: .noon)
        #expect(folder.text("old").contains("\"a\"") && !folder.text("old").contains("\"b\""))
        #expect(folder.text().contains("\"b\""))
    }

    @Test func manyWritersNeverMixTheirLines() async throws {
        let folder = try Folder()
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                // Each has a file description of its own, as another process would.
                let destination = NDJSONDestination(path: folder.file())
                group.addTask {
                    for round in 0..<10 {
                        let ids = (0..<50).map { "w\(writer)-\(round)-\($0)" }
                        #expect(
                            await destination.deliver(batch(destination, ids), attempt: 0, sentAt: .noon).decision
                                == "accepted")
                    }
                }
            }
        }
        let lines = folder.text().split(separator: "\n")
        #expect(lines.count == 2_000)
        let ids = try lines.map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(object?["userId"] as? String)
        }
        #expect(Set(ids).count == 2_000)
        for start in stride(from: 0, to: 2_000, by: 50) {
            #expect(Set(ids[start..<(start + 50)].map { $0.prefix { $0 != "-" } }).count == 1)
        }
    }
}

@Suite struct AppendOnlyFileTests {
    private static let before = "{\"before\":1}\n"
    private static let block = Array("{\"a\":1}\n{\"b\":2}\n".utf8)

    private func file(_ folder: Folder) -> AppendOnlyFile {
        folder.write(Self.before)
        return AppendOnlyFile(path: folder.file())
    }

    @Test func everyShortWriteIsTakenBack() throws {
        let folder = try Folder()
        for count in 0..<Self.block.count {
            var file = file(folder)
            file.calls.write = { descriptor, bytes in write(descriptor, bytes.baseAddress, count) }
            guard case .notAppended(let reason) = file.append(Self.block) else {
                Issue.record("\(count) bytes were taken for all")
                continue
            }
            #expect(reason.contains("No space left"))
            #expect(folder.text() == Self.before)
        }
    }

    @Test(arguments: [ENOSPC, EDQUOT, EIO, EFBIG])
    func aFailedWriteLeavesTheFileAsItWas(code: Int32) throws {
        let folder = try Folder()
        var file = file(folder)
        file.calls.write = { _, _ in
            errno = code
            return -1
        }
        guard case .notAppended = file.append(Self.block) else {
            Issue.record("a failed write was not reported")
            return
        }
        #expect(folder.text() == Self.before)
        file.calls = AppendOnlyFile.Calls()
        #expect(file.append(Self.block) == .appended)
        #expect(folder.text() == Self.before + String(decoding: Self.block, as: UTF8.self))
    }

    @Test func anInterruptedWriteIsRepeated() throws {
        let folder = try Folder()
        var file = file(folder)
        let calls = Mutex(0)
        file.calls.write = { descriptor, bytes in
            guard
                calls.withLock({
                    $0 += 1
                    return $0
                }) > 2
            else {
                errno = EINTR
                return -1
            }
            return write(descriptor, bytes.baseAddress, bytes.count)
        }
        #expect(file.append(Self.block) == .appended)
        #expect(calls.withLock { $0 } == 3)
    }

    @Test func aFailedFlushIsUnknownAndTakenBack() throws {
        let folder = try Folder()
        var file = file(folder)
        file.calls.flush = { _ in
            errno = EIO
            return -1
        }
        guard case .unknown = file.append(Self.block) else {
            Issue.record("a failed flush was not reported")
            return
        }
        #expect(folder.text() == Self.before)
    }

    @Test func aHalfLineThatCannotBeTakenBackIsUnknownAndEndedLater() throws {
        let folder = try Folder()
        var file = file(folder)
        file.calls.write = { descriptor, bytes in write(descriptor, bytes.baseAddress, 3) }
        file.calls.truncate = { _, _ in
            errno = EIO
            return -1
        }
        guard case .unknown = file.append(Self.block) else {
            Issue.record("a torn write was not reported")
            return
        }
        file.calls = AppendOnlyFile.Calls()
        #expect(file.append(Self.block) == .appended)
        #expect(folder.text() == Self.before + "{\"a\n" + String(decoding: Self.block, as: UTF8.self))
    }

    @Test func aFolderThatCannotBeFlushedStopsBeforeTheFirstByte() throws {
        let folder = try Folder()
        var file = AppendOnlyFile(path: folder.file())
        file.calls.flushFolder = { _ in
            errno = EIO
            return -1
        }
        guard case .notAppended = file.append(Self.block) else {
            Issue.record("a folder that was not flushed went unnoticed")
            return
        }
        #expect(folder.text().isEmpty)
    }

    @Test func aLockedFileIsWaitedForAndThenGivenUp() throws {
        let folder = try Folder()
        var file = file(folder)
        file.lockPatienceMilliseconds = 20
        let other = open(folder.file(), O_RDWR)
        defer { close(other) }
        #expect(flock(other, LOCK_EX) == 0)
        guard case .notAppended(let reason) = file.append(Self.block) else {
            Issue.record("a lock was ignored")
            return
        }
        #expect(reason.contains("another process"))
        #expect(folder.text() == Self.before)
        #expect(flock(other, LOCK_UN) == 0)
        #expect(file.append(Self.block) == .appended)
    }
}
