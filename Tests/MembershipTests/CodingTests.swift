import Testing

@testable import Membership

@Suite struct CodingTests {
    /// Vectors from an independent implementation of the formula in `StableHash`, of bytes 0, 1, … 250, 0, 1 ….
    @Test(arguments: hashVectors)
    func hashIsForever(vector: HashVector) {
        let bytes = (0..<vector.count).map { UInt8($0 % 251) }
        bytes.withUnsafeBytes { buffer in
            withUnsafePointer(to: 0 as UInt8) { none in
                let start = buffer.baseAddress ?? UnsafeRawPointer(none)
                #expect(StableHash.ofBytes(start, vector.count) == vector.order)
                #expect(StableHash.ofBytes(start, vector.count, .companion) == vector.companion)
            }
        }
    }

    @Test func hashOfPackedIsForever() throws {
        let uuid = try member(id("00112233-4455-6677-8899-aabbccddeeff"))
        #expect(OwnedCode(uuid).hash == packedVector.order)
        #expect(OwnedCode(uuid).withCode { $0.hash(.companion) } == packedVector.companion)
        #expect(OwnedCode(uuid).withCode { $0.isPacked })
    }

    @Test func packingIsInjectiveAndCanonical() throws {
        var random = SeededGenerator(seed: 11)
        var text = [UInt8](repeating: 0, count: 36)
        for _ in 0..<2_000 {
            let uuid = uuidText(&random)
            let words = try #require(uuid.withUnsafeBytes { $0.baseAddress.flatMap(CanonicalUUID.packed) })
            text.withUnsafeMutableBytes { buffer in
                if let start = buffer.baseAddress { CanonicalUUID.write(words.first, words.last, to: start) }
            }
            #expect(text == uuid)
        }
    }

    /// Every byte value at every position: packed exactly when the text is canonical.
    @Test func onlyCanonicalTextIsPacked() {
        let uuid = id("01234567-89ab-cdef-0123-456789abcdef")
        let digits = Set("0123456789abcdef".utf8)
        for position in uuid.indices {
            for byte in UInt8.min...UInt8.max {
                var text = uuid
                text[position] = byte
                let isDash = [8, 13, 18, 23].contains(position)
                let isCanonical = isDash ? byte == UInt8(ascii: "-") : digits.contains(byte)
                let packed = text.withUnsafeBytes { $0.baseAddress.flatMap(CanonicalUUID.packed) }
                #expect((packed != nil) == isCanonical, "byte \(byte) at \(position)")
            }
        }
    }

    /// Against the standard library's validation, on every string of up to three bytes from interesting ones.
    @Test func utf8IsJudgedAsTheStandardLibraryDoes() {
        let interesting: [UInt8] = [
            0, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
            0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        var texts: [[UInt8]] = [[]]
        for _ in 0..<3 { texts += texts.flatMap { text in interesting.map { text + [$0] } } }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            let count = Int.random(in: 4...20, using: &random)
            texts.append((0..<count).map { _ in interesting.randomElement(using: &random) ?? 0 })
        }
        var disagreements = 0
        for text in Set(texts) where !text.isEmpty {
            let own = text.withUnsafeBytes { buffer in
                buffer.baseAddress.map { UTF8Text.isValid($0, buffer.count) } ?? true
            }
            if own != (String(validating: text, as: UTF8.self) != nil) { disagreements += 1 }
        }
        #expect(disagreements == 0)
    }

    @Test func twinsAreDifferentMembers() throws {
        let composed = try member(id("\u{e9}"))
        let decomposed = try member(id("e\u{301}"))
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(OwnedCode(composed).hash != OwnedCode(decomposed).hash)
    }

    @Test func idsFromOutside() {
        #expect(throws: MemberError.empty) { try member([]) }
        #expect(throws: MemberError.tooLong(1_025)) { try member(ID(repeating: 0x61, count: 1_025)) }
        #expect(throws: MemberError.invalidUTF8) { try member([0xF4, 0x90, 0x80, 0x80]) }
        #expect(MemberID("") == nil && MemberID(String(repeating: "a", count: 1_025)) == nil)
        #expect(MemberID("a")?.bytes == id("a"))
    }

    @Test func noncesAndDigestsAsText() throws {
        let nonce = try #require(PlanNonce(bytes: Array(0..<16)))
        #expect(nonce.description == "000102030405060708090a0b0c0d0e0f")
        #expect(nonce.withBytes { Array($0) } == Array(0..<16))
        #expect(PlanNonce(bytes: [1]) == nil)
        #expect(PlanNonce.random() != PlanNonce.random())
        let digest = FileDigest((0..<32).map { UInt8($0) * 8 })
        #expect(FileDigest(hex: digest.description) == digest)
        #expect(FileDigest(hex: "00") == nil && FileDigest(hex: String(repeating: "G", count: 64)) == nil)
    }

    @Test func messagesNamePathAndCause() {
        let digest = FileDigest.ofNothing
        let path = "/state/ledger"
        let errors: [StateFileError] = [
            .missing(path: path), .corrupt(path: path, offset: 12, what: "x"), .noSpace(path: path),
            .wrongKind(path: path, expected: "ledger", found: "plan"), .tooNew(path: path, version: 9),
            .unexpected(path: path, expected: digest, found: digest), .io(path: path, errno: 5, what: "read"),
        ]
        for error in errors { #expect(error.message.contains(path)) }
        #expect(errors[6].message == "cannot read /state/ledger: Input/output error")
        #expect(StateFileError.failed("write", path, errno: 28) == .noSpace(path: path))
    }
}

struct HashVector: Sendable {
    var count: Int
    var order: UInt64
    var companion: UInt64
}
