/// What one destination has been told, per member. Immutable on disk: every change makes a new file.
package struct Ledger: Sendable {
    /// Nil for the ledger that nothing was ever written to.
    let file: BlockFile?
    let books: LedgerBooks

    /// Nobody was told anything. It has no file.
    package static let empty = Ledger(file: nil, books: LedgerBooks())

    init(file: BlockFile?, books: LedgerBooks) {
        self.file = file
        self.books = books
    }

    init(_ file: BlockFile) throws(StateFileError) {
        guard let books = LedgerBooks(facts: file.facts), books.records == file.recordCount else {
            throw file.damagedFacts("the books of the ledger do not add up")
        }
        self.init(file: file, books: books)
    }

    /// Opens a ledger and verifies its ends; its blocks are verified whenever they are read.
    /// - Parameter expecting: the digest recorded elsewhere, so that an older or foreign ledger is never taken for
    ///   the current one; any when nil.
    package static func open(_ path: String, expecting: FileDigest?) throws(StateFileError) -> Ledger {
        try Ledger(BlockFile.open(path, .ledger, expecting: expecting))
    }

    package var path: String? { file?.path }
    package var digest: FileDigest { file?.digest ?? .ofNothing }
    /// Members told `true` with certainty, and no later attempt of unknown outcome.
    package var toldTrue: Int { books.toldTrue }
    /// Members told `false`, likewise.
    package var toldFalse: Int { books.toldFalse }
    /// Members whose last attempt's outcome was never learned.
    package var unknown: Int { books.unknown }
    /// Those of ``unknown`` that were last told `true` with certainty.
    package var unknownLastTrue: Int { books.unknownLastTrue }
    /// The size of the ledger in the books: told `true`, an unknown counting as last told with certainty.
    package var members: Int { books.members }

    /// What the destination was told about one member. Reads one block, two when equal hashes straddle a border.
    package func told(_ member: MemberID) throws(StateFileError) -> Told {
        guard let file else { return .never }
        let stream = try RecordStream(file)
        guard let index = try stream.find(OwnedCode(member)) else { return .never }
        return stream.told(index)
    }

    /// Calls `body` with the bytes of the members told `true`, an unknown counting as last told with certainty, in
    /// file order. They are valid only during the call.
    /// - Throws: ``StateFileError`` when the file is damaged, and what `body` throws.
    package func forEachMember(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try forEachMember(where: { $0.isMember }, body)
    }

    /// The same for those whose record `includes` accepts; nobody is in the ledger as `.never`.
    package func forEachMember(
        where includes: (Told) -> Bool, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let file else { return }
        let stream = try RecordStream(file)
        while try stream.advance() {
            for index in 0..<stream.count where includes(stream.told(index)) {
                try body(stream.code(index).bytes(unpackingTo: stream.text))
            }
        }
    }

    /// Sizes of two ledgers and how many members both have.
    package static func overlap(_ a: Ledger, _ b: Ledger) throws(StateFileError) -> (a: Int, b: Int, both: Int) {
        var common = CommonMembers()
        try common.merge(a.stream(), b.stream())
        return (a.members, b.members, common.count)
    }

    /// Reads the whole file, counts everything anew and throws unless it is what the books say.
    package func verify() throws(StateFileError) {
        guard let file else { return }
        var counted = LedgerBooks()
        let stream = try RecordStream(file)
        while try stream.advance() {
            for index in 0..<stream.count {
                counted.add(stream.told(index), stream.code(index), hash: stream.hashes[index])
            }
        }
        guard counted == books else { throw file.damagedFacts("the records do not add up to the books") }
    }

    func stream() throws(StateFileError) -> RecordStream? {
        guard let file else { return nil }
        return try RecordStream(file)
    }
}

extension RecordStream {
    /// What a ledger's record says.
    func told(_ index: Int) -> Told {
        switch states[index] {
        case 0: .yes
        case 1: .no
        default: UnknownDetail(detail(index)).told
        }
    }
}

/// The totals of a ledger, carried from each file to the next by what changed and counted anew by `Ledger.verify`.
struct LedgerBooks: Hashable, Sendable {
    var toldTrue = 0
    var toldFalse = 0
    var unknown = 0
    var unknownLastTrue = 0
    /// Fingerprint of the members told `true`.
    var sum = MemberSum()

    var records: Int { toldTrue + toldFalse + unknown }
    var members: Int { toldTrue + unknownLastTrue }

    @inline(__always)
    mutating func add(_ told: Told, _ code: MemberCode, hash: UInt64) {
        count(told, by: 1)
        if told == .yes { sum.add(code, hash: hash) }
    }

    mutating func remove(_ told: Told, _ code: MemberCode, hash: UInt64) {
        count(told, by: -1)
        if told == .yes { sum.remove(code, hash: hash) }
    }

    @inline(__always)
    private mutating func count(_ told: Told, by step: Int) {
        switch told {
        case .never: break
        case .yes: toldTrue += step
        case .no: toldFalse += step
        case .unknown(let last, _, _):
            unknown += step
            if last == true { unknownLastTrue += step }
        }
    }

    var facts: [UInt8] {
        var facts = FieldWriter()
        for number in [toldTrue, toldFalse, unknown, unknownLastTrue] { facts.put(count: number) }
        facts.put(sum.first)
        facts.put(sum.second)
        return facts.bytes
    }

    init() {}

    /// Nil when the facts cannot be of any ledger.
    init?(facts: [UInt8]) {
        var fields = FieldReader(facts)
        guard let toldTrue = fields.takeCount(), let toldFalse = fields.takeCount(), let unknown = fields.takeCount(),
            let unknownLastTrue = fields.takeCount(), let first = fields.take(UInt64.self),
            let second = fields.take(UInt64.self), fields.isAtEnd, unknownLastTrue <= unknown,
            [toldTrue, toldFalse, unknown].allSatisfy({ $0 <= Int.max / 8 })
        else { return nil }
        self.toldTrue = toldTrue
        self.toldFalse = toldFalse
        self.unknown = unknown
        self.unknownLastTrue = unknownLastTrue
        sum = MemberSum(first: first, second: second)
    }
}

/// Counts the members that two ledgers have in common.
private struct CommonMembers: MergeVisitor {
    var count = 0

    mutating func onlyLeft(_ left: RecordStream, _ index: Int) {}
    mutating func onlyRight(_ right: RecordStream, _ index: Int) {}
    mutating func both(_ left: RecordStream, _ leftIndex: Int, _ right: RecordStream, _ rightIndex: Int) {
        if left.told(leftIndex).isMember, right.told(rightIndex).isMember { count += 1 }
    }
}
