import Foundation
import Glibc
import Testing

/// Whether the library of `Tests/WriteFaults` sees every call by which the program changes its state folder: `strace` watches
/// the very run in which the library counts. A call that went past the library, by another function of libc or straight into the
/// kernel, would be one that no fault was ever tried on.
@Suite(.rationed)
struct SecondOpinionTests {
    @Test("strace sees no call on the state folder that the library does not count", arguments: FaultScenario.allCases)
    func calls(_ scenario: FaultScenario) async throws {
        let bench = try await FaultBench(scenario)
        try bench.begin()
        let root = bench.workspace.root
        let (trace, report) = (root + "/trace", root + "/strace.report")
        var names: Set<String> = []
        if scenario != .first { names = Set(try DiskFolder(at: bench.state).names.keys.map { bench.state + "/" + $0 }) }
        let variables = try WriteFaultLibrary.environment("count", at: 0, of: bench.state, report: report)
        let program: Program
        do {
            program = try Program(
                "strace", ["-f", "-y", "-s", "0", "-o", trace, "-e", "trace=" + StraceLog.calls.sorted().joined(separator: ",")]
                    + variables.flatMap { ["-E", "\($0.key)=\($0.value)"] } + [RollcallBinary.path, "sync", "vip", "--json"],
                environment: bench.workspace.environment, folder: root)
        } catch {
            return print("strace: NOT RUN: \(error)")
        }
        let ending = try await program.ending(within: 120)
        let text = String(decoding: bytes(at: trace), as: UTF8.self)
        guard ending.code == 0, text.contains(bench.state + "/state.db>") else {
            // Tracing is forbidden in some containers; a program that failed under it is another matter.
            try #require(ending.errors.contains("strace") || text.isEmpty, "\(ending.text)\(ending.errors)")
            return print("strace: NOT RUN in this place, so nobody checks what the library misses: \(ending.errors.prefix(300))")
        }
        let lines = String(decoding: bytes(at: report), as: UTF8.self).split(separator: "\n")
        let counted = try #require(lines.first { $0.hasPrefix("calls") }.flatMap { Int($0.dropFirst(6)) })
        #expect(!lines.contains { $0.hasPrefix("escaped") }, "\(lines)")
        let seen = StraceLog(text, of: bench.state, names: names)
        print("strace: \(scenario): \(seen.total) calls seen, \(counted) counted by the library: "
            + seen.byName.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        #expect(seen.total == counted)
        #expect(seen.unforeseen.isEmpty, "calls that the library has no function for: \(seen.unforeseen)")
        #expect(counted > 100)
    }
}

/// The calls in a log of `strace -f -y` that changed a folder, by the rules of the library.
private struct StraceLog {
    private static let writes: Set<String> = ["write", "pwrite64", "writev"]
    private static let syncs: Set<String> = ["fsync", "fdatasync", "ftruncate"]
    private static let renames: Set<String> = ["rename", "renameat", "renameat2", "link"]
    private static let removals: Set<String> = ["unlink", "unlinkat", "rmdir"]
    private static let folders: Set<String> = ["mkdir", "mkdirat"]
    private static let opens: Set<String> = ["open", "openat", "creat"]
    /// Those that the library would not see, or would answer with an error.
    private static let others: Set<String> = [
        "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice", "vmsplice", "fallocate", "truncate", "symlink",
        "symlinkat", "linkat", "mknod", "mknodat", "openat2", "sync_file_range", "msync", "io_uring_setup", "io_uring_enter",
        "io_submit",
    ]
    static let calls = writes.union(syncs).union(renames).union(removals).union(folders).union(opens).union(others)

    private(set) var total = 0
    private(set) var byName: [String: Int] = [:]
    private(set) var unforeseen: [String] = []

    /// - Parameter names: the files that are there before.
    init(_ text: String, of folder: String, names: Set<String>) {
        var names = names
        var unfinished: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { continue }
            let process = line[..<space]
            var call = line[space...].drop { $0 == " " }
            // What another thread interrupted stands in two lines.
            if let end = call.range(of: " <unfinished ...>") {
                unfinished[process] = String(call[..<end.lowerBound])
                continue
            }
            var whole = String(call)
            if call.hasPrefix("<... "), let end = call.range(of: " resumed>"), let begun = unfinished.removeValue(forKey: process) {
                whole = begun + call[end.upperBound...]
            }
            call = whole[...]
            guard let open = call.firstIndex(of: "("), call.contains(folder) else { continue }
            take(String(call[..<open]), String(call[open...]), folder, &names)
        }
    }

    private mutating func take(_ name: String, _ rest: String, _ folder: String, _ names: inout Set<String>) {
        let isDone = !rest.contains(") = -1 ")
        let paths = rest.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }.filter { $0.hasPrefix("/") }
        // The descriptor's path stands in angle brackets behind its number.
        let isOnDescriptor = rest.dropFirst().drop { $0.isNumber }.hasPrefix("<" + folder)
        switch name {
        case _ where Self.writes.contains(name) || Self.syncs.contains(name):
            if isOnDescriptor { count(name) }
        case _ where Self.renames.contains(name):
            guard isDone, paths.contains(where: { $0.hasPrefix(folder) }), paths.count == 2 else { return }
            if !name.hasPrefix("link") { names.remove(paths[0]) }
            names.insert(paths[1])
            count(name)
        case _ where Self.removals.contains(name) || Self.folders.contains(name):
            guard isDone, let path = paths.first, path.hasPrefix(folder) else { return }
            names.remove(path)
            count(name)
        case _ where Self.opens.contains(name):
            guard isDone, let path = paths.first, path.hasPrefix(folder), rest.contains("O_CREAT") else { return }
            if names.insert(path).inserted { count("create") }
            else if rest.contains("O_TRUNC") { count("truncating open") }
        default:
            if isOnDescriptor || paths.contains(where: { $0.hasPrefix(folder) }) { unforeseen.append(name + rest) }
        }
    }

    private mutating func count(_ name: String) {
        total += 1
        byName[name, default: 0] += 1
    }
}
