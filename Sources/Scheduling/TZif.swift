/// Reads compiled zone data, "TZif" of version 2 and later (RFC 9636).
///
/// Every count is checked against the bytes that are there before anything is read; what does not add up is refused
/// whole, since a zone that is nearly right fires at the wrong hour.
enum TZif {
    /// Larger files are refused. The largest real one has under 4 kB and under 250 transitions.
    static let largestFile = 65_536
    static let mostTransitions = 2000

    /// Why data cannot be used, for a person.
    struct Refusal: Error {
        let reason: String
    }

    static func parse(_ bytes: [UInt8]) throws(Refusal) -> ZoneTable {
        guard bytes.count <= largestFile else { throw Refusal(reason: "it is over 64 KiB") }
        let first = try Header(bytes, at: 0)
        guard first.version >= UInt8(ascii: "2") else {
            throw Refusal(reason: "it is of version 1, which ends in 2037; version 2 or later is needed")
        }
        // The first block repeats the data in 32 bits for old readers.
        let header = try Header(bytes, at: Header.size + first.blockSize(timeSize: 4))
        guard header.version >= UInt8(ascii: "2") else { throw Refusal(reason: "its second header is of version 1") }
        guard header.leapCount == 0 else {
            throw Refusal(reason: "it counts leap seconds; use the zone's ordinary name")
        }
        guard (1...256).contains(header.kindCount), header.timeCount <= mostTransitions,
            header.end + header.blockSize(timeSize: 8) <= bytes.count
        else { throw Refusal(reason: "its header does not fit its size") }

        let kindsOfTimes = header.end + header.timeCount * 8
        let kindRecords = kindsOfTimes + header.timeCount
        let names = kindRecords + header.kindCount * 6
        let kinds = try readKinds(
            bytes, at: kindRecords, count: header.kindCount, names: bytes[names..<names + header.nameCount])
        var times: [Int] = []
        var kindOfTime: [Int] = []
        times.reserveCapacity(header.timeCount)
        kindOfTime.reserveCapacity(header.timeCount)
        for index in 0..<header.timeCount {
            let time = Int(Int64(bitPattern: bytes.bigEndian(at: header.end + index * 8, size: 8)))
            guard time >= -(1 << 60), time <= 1 << 60, times.last.map({ $0 < time }) ?? true else {
                throw Refusal(reason: "its transitions are out of order or out of range")
            }
            let kind = Int(bytes[kindsOfTimes + index])
            guard kind < kinds.count else { throw Refusal(reason: "a transition names a kind that is not there") }
            times.append(time)
            kindOfTime.append(kind)
        }
        let rule = try readFooter(bytes[(header.end + header.blockSize(timeSize: 8))...])
        return ZoneTable(kinds: kinds, times: times, kindOfTime: kindOfTime, rule: rule)
    }

    /// Reads the kinds of local time: offset in four bytes, a daylight flag, an index into the names.
    private static func readKinds(
        _ bytes: [UInt8], at start: Int, count: Int, names: ArraySlice<UInt8>
    ) throws(Refusal) -> [ZoneKind] {
        var kinds: [ZoneKind] = []
        for position in stride(from: start, to: start + count * 6, by: 6) {
            let offset = Int(Int32(truncatingIfNeeded: bytes.bigEndian(at: position, size: 4)))
            guard ZoneKind.offsetRange.contains(offset) else {
                throw Refusal(reason: "an offset from UTC is over a day")
            }
            let nameStart = names.startIndex + Int(bytes[position + 5])
            guard nameStart < names.endIndex, let nameEnd = names[nameStart...].firstIndex(of: 0) else {
                throw Refusal(reason: "an abbreviation has no end")
            }
            let name = names[nameStart..<nameEnd]
            guard name.count <= 16, name.allSatisfy(\.isAbbreviation) else {
                throw Refusal(reason: "an abbreviation holds more than letters, digits and signs")
            }
            kinds.append(ZoneKind(offset: offset, abbreviation: String(decoding: name, as: UTF8.self)))
        }
        return kinds
    }

    /// Reads the rule for later years: a line by itself, empty when nobody knows.
    private static func readFooter(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> ZoneRule? {
        let newline = UInt8(ascii: "\n")
        guard bytes.first == newline, let end = bytes.dropFirst().firstIndex(of: newline) else {
            throw Refusal(reason: "its last line is missing")
        }
        let text = bytes[bytes.startIndex + 1..<end]
        guard !text.isEmpty else { return nil }
        guard let rule = ZoneRule.parse(text) else {
            throw Refusal(reason: "its rule for later years cannot be understood")
        }
        return rule
    }
}

/// One of the two headers of a TZif file: 44 bytes, of which six counts.
private struct Header {
    static let size = 44

    let version: UInt8
    let utcFlagCount: Int
    let standardFlagCount: Int
    let leapCount: Int
    let timeCount: Int
    let kindCount: Int
    let nameCount: Int
    /// Where the data after this header begin.
    let end: Int

    init(_ bytes: [UInt8], at start: Int) throws(TZif.Refusal) {
        guard start + Header.size <= bytes.count, bytes[start..<start + 4].elementsEqual("TZif".utf8) else {
            throw TZif.Refusal(reason: "it is not compiled zone data")
        }
        version = bytes[start + 4]
        var counts: [Int] = []
        for position in stride(from: start + 20, to: start + Header.size, by: 4) {
            let count = Int(bytes.bigEndian(at: position, size: 4))
            // This also keeps every product of the sizes far from overflow.
            guard count <= bytes.count else { throw TZif.Refusal(reason: "its header does not fit its size") }
            counts.append(count)
        }
        utcFlagCount = counts[0]
        standardFlagCount = counts[1]
        leapCount = counts[2]
        timeCount = counts[3]
        kindCount = counts[4]
        nameCount = counts[5]
        end = start + Header.size
    }

    /// Bytes of the data after this header, whose times have 4 or 8 bytes.
    func blockSize(timeSize: Int) -> Int {
        timeCount * (timeSize + 1) + kindCount * 6 + nameCount + leapCount * (timeSize + 4) + standardFlagCount
            + utcFlagCount
    }
}

extension [UInt8] {
    /// An unsigned number whose most significant byte comes first.
    fileprivate func bigEndian(at position: Int, size: Int) -> UInt64 {
        self[position..<position + size].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
