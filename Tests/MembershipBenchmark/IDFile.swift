import Glibc

/// Writes files of random UUIDs, one a line, in no particular order.
enum IDFile {
    /// - Parameter replaced: how many of the ids differ from those of the file with none replaced.
    static func write(to path: String, members: Int, replaced: Int) throws {
        guard let file = fopen(path, "w") else { throw Scenario.Failure(description: "cannot write \(path)") }
        defer { fclose(file) }
        var line = [UInt8](repeating: UInt8(ascii: "\n"), count: 37)
        let digits = Array("0123456789abcdef".utf8)
        for position in 0..<members {
            // Two files have their common ids in different places.
            let place = replaced > 0 ? (position * 7_919 + 13) % members : position
            let number = UInt64(place < replaced ? place + members : place)
            var words = (mix(number * 2 + 1), mix(number * 2 + 2))
            for column in 0..<36 {
                if [8, 13, 18, 23].contains(column) {
                    line[column] = UInt8(ascii: "-")
                } else {
                    line[column] = digits[Int(words.0 & 15)]
                    words.0 = words.0 >> 4 | words.1 << 60
                    words.1 >>= 4
                }
            }
            fwrite(line, 1, line.count, file)
        }
    }

    private static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Reads a file's lines the way a source does: in large pieces, without copying.
enum LineReader {
    static func forEachLine(in path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw Scenario.Failure(description: "cannot read \(path)") }
        defer { close(number) }
        let capacity = 256 * 1_024
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        defer { buffer.deallocate() }
        var kept = 0
        while true {
            let got = read(number, buffer + kept, capacity - kept)
            if got <= 0 { break }
            let end = UnsafeRawPointer(buffer + kept + got)
            var next = UnsafeRawPointer(buffer)
            while let newline = memchr(next, 10, end - next) {
                let length = UnsafeRawPointer(newline) - next
                try body(UnsafeRawBufferPointer(start: next, count: length))
                next = UnsafeRawPointer(newline) + 1
            }
            kept = end - next
            buffer.copyMemory(from: next, byteCount: kept)
        }
    }

    static func lines(in path: String) throws -> Int {
        var count = 0
        try forEachLine(in: path) { _ in count += 1 }
        return count
    }
}
