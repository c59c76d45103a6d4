import Glibc
import Scheduling
import Testing

@testable import Membership

/// A folder of its own that is removed with everything in it.
final class TemporaryFolder {
    let path: String

    init() throws {
        // In memory where there is such a folder: every file is synced, which on a disk takes most of the time.
        let standard = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? standard
        var template = Array("\(base)/membership.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Names of the files in the folder, sorted.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func bytes(of path: String) throws -> [UInt8] {
        let opened = try OpenFile(path)
        return try opened.bytes(opened.size, at: 0)
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        unlink(path)
        let created = try createExclusively(path)
        try bytes.withUnsafeBytes { try writeFully(created.number, path, $0) }
    }
}

/// Repeatable randomness: the same seed gives the same sequence.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

typealias ID = [UInt8]

func id(_ text: String) -> ID { ID(text.utf8) }

/// An id of one of the shapes that matter: UUIDs of either case, short and long names, NULs, non-ASCII.
func randomID(_ random: inout SeededGenerator, among range: Int) -> ID {
    let number = Int.random(in: 0..<range, using: &random)
    var own = SeededGenerator(seed: UInt64(number))
    switch number % 10 {
    case 0...4: return uuidText(&own)
    case 5: return id("user-\(number)")
    case 6: return id(String(decoding: uuidText(&own), as: UTF8.self).uppercased())
    case 7: return id("ü\u{0}\(number)é\u{1F600}")
    case 8: return ID(repeating: UInt8(ascii: "a") + UInt8(number % 26), count: 58 + number % 7) + id("\(number)")
    default: return ID(repeating: UInt8(ascii: "x"), count: 1_000) + id("\(number)")
    }
}

func uuidText(_ random: inout SeededGenerator) -> ID {
    var text = ID()
    for position in 0..<36 {
        let isDash = [8, 13, 18, 23].contains(position)
        text.append(isDash ? UInt8(ascii: "-") : Array("0123456789abcdef".utf8).randomElement(using: &random) ?? 0)
    }
    return text
}

func member(_ id: ID) throws -> MemberID {
    try id.withUnsafeBytes { try MemberID(validating: $0) }
}

/// Builds a snapshot of ids in the order given.
@discardableResult
func snapshot(
    _ ids: some Sequence<ID>, at path: String, in folder: TemporaryFolder, memoryLimit: Int = 1 << 20
) throws -> Snapshot {
    let builder = try SnapshotBuilder(scratch: folder.path, memoryLimit: memoryLimit)
    for id in ids {
        let verdict = try id.withUnsafeBytes { try builder.add($0) }
        try #require(verdict == .member)
    }
    return try builder.finish(at: path)
}

func members(of snapshot: Snapshot) throws -> [ID] {
    var ids: [ID] = []
    try snapshot.forEachMember { ids.append(ID($0)) }
    return ids
}

func attempt(_ number: UInt64) -> Attempt {
    Attempt(nonce: PlanNonce(high: number, low: ~number), timestamp: Instant(milliseconds: Int64(number) * 1_000))
}

func request(_ mode: PlanMode = .changes, attempt number: UInt64 = 1) -> PlanRequest {
    PlanRequest(sync: "cohort@destination", trait: "[Amplitude] Cohort (c)", mode: mode, attempt: attempt(number))
}

/// All changes of a plan, read from one index on.
func entries(of plan: Plan, from index: Int = 0) throws -> [PlanEntry] {
    var reader = try plan.reader(from: index)
    var entries: [PlanEntry] = []
    while let record = try reader.next() { entries.append(PlanEntry(record)) }
    return entries
}

/// The whole content of a ledger.
func contents(of ledger: Ledger) throws -> [ID: Told] {
    var all: [ID: Told] = [:]
    var told: Told = .never
    try ledger.forEachMember(
        where: {
            told = $0
            return true
        }, { all[ID($0)] = told })
    return all
}

/// Seeds of property tests: those given, or the one in `ROLLCALL_SEED`.
func seeds(_ range: ClosedRange<UInt64>) -> [UInt64] {
    guard let text = getenv("ROLLCALL_SEED"), let seed = UInt64(String(cString: text)) else { return Array(range) }
    return [seed]
}
