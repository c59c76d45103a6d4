import SourceConnectors
import SyncEngine
import Testing

@Suite struct GzipTests {
    private let folder = TemporaryFolder()

    private func source(_ bytes: [UInt8]) -> CSVSource {
        CSVSource(path: folder.write("list.csv", bytes), root: nil, column: "user_id")
    }

    private let text = Array(("user_id\n" + (0..<30_000).map { "user-\($0)\n" }.joined()).utf8)

    @Test func isRecognisedByItsFirstBytes() throws {
        let rows = try source(gzip(text)).read()
        #expect(rows.ids == (0..<30_000).map { "user-\($0)" })
        #expect(try source(gzip([])).read().rows.isEmpty)
    }

    @Test func mayHaveSeveralMembers() throws {
        let pieces = stride(from: 0, to: text.count, by: 50_001).map { Array(text[$0..<min($0 + 50_001, text.count)]) }
        let rows = try source(pieces.flatMap { gzip($0) } + gzip([])).read()
        #expect(rows.ids == (0..<30_000).map { "user-\($0)" })
    }

    @Test func isUsedOnlyWhenComplete() throws {
        let whole = gzip(Array("user_id\nu1\nu2\n".utf8))
        for count in 2..<whole.count {
            let error = try #require(source(Array(whole[..<count])).failure(), "\(count) of \(whole.count) bytes")
            #expect(error.isUnavailable("ends in the middle"), "\(count) bytes: \(error)")
        }
        let two = whole + whole
        for count in whole.count + 1..<two.count {
            let error = try #require(source(Array(two[..<count])).failure(), "\(count) of \(two.count) bytes")
            #expect(error.isUnavailable("ends in the middle"), "\(count) bytes: \(error)")
        }
    }

    @Test func nothingMayFollow() throws {
        for tail in [[0], [UInt8](repeating: 0, count: 512), Array("u3\n".utf8)] as [[UInt8]] {
            let error = try #require(source(gzip(text) + tail).failure())
            #expect(error.isUnavailable("behind the end"))
        }
    }

    @Test func damageIsNoticed() throws {
        let whole = gzip(Array("user_id\nu1\nu2\nu3\n".utf8))
        var noticed = 0
        // The header's time, flags and system (bytes 4 to 9) tell nothing about the content, nor do the bits that fill
        // up the last byte of the compressed data.
        for index in 10..<whole.count {
            for bit in 0..<8 {
                var broken = whole
                broken[index] ^= 1 << bit
                let source = source(broken)
                if let error = source.failure() {
                    #expect(error.isUnavailable(), "byte \(index), bit \(bit): \(error)")
                    noticed += 1
                } else {
                    #expect(try source.read().ids == ["u1", "u2", "u3"], "byte \(index), bit \(bit)")
                }
            }
        }
        #expect(noticed > (whole.count - 11) * 8)
    }

    @Test func aBombIsReadInConstantMemory() throws {
        let line = [UInt8](repeating: UInt8(ascii: "a"), count: 24 * 1024 * 1024)
        let bomb = gzip(Array("user_id\nu1\n".utf8)) + gzip(line) + gzip(Array("\nu2\n".utf8))
        let rows = try source(bomb).read()
        #expect(rows.ids == ["u1", "u2"])
        #expect(rows.unreadableCount == 1)
    }

    @Test func gzipWithinGzipIsRefused() throws {
        #expect(try #require(source(gzip(gzip(text))).failure()).isMisconfigured("holds gzip data"))
    }
}
