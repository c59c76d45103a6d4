import Glibc
import SourceConnectors
import SyncEngine
import Testing

/// Properties over generated inputs. Each failure names its seed.
@Suite struct CSVPropertyTests {
    private static let seeds: [UInt64] = (1...40).map { $0 }

    /// Bytes in which everything that means something is frequent.
    private func soup(_ count: Int, _ numbers: inout SeededNumbers) -> [UInt8] {
        let alphabet = Array("aab,,\"\"\"\n\n\r\r\u{E9}".utf8) + [0xFF]
        return (0..<count).map { _ in alphabet[numbers.below(alphabet.count)] }
    }

    /// A start that fills the parser's opening, so that what follows is cut where the test cuts it.
    private func filler(columns: Int, _ numbers: inout SeededNumbers) -> [UInt8] {
        let header = Array((columns == 1 ? "user_id\n" : "name,user_id\n").utf8)
        let line = Array((columns == 1 ? "filler\n" : "f,filler\n").utf8)
        var text = header
        let size = 4_060 + numbers.below(60)
        while text.count < size { text += line }
        return text
    }

    @Test(arguments: seeds)
    func cutsNeverChangeWhatIsRead(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        for columns in 1...2 {
            let start = filler(columns: columns, &numbers)
            let tail = soup(60, &numbers)
            let whole = parse([start + tail], column: "user_id")
            for cut in 0...tail.count {
                let split = parse([start + tail[..<cut], Array(tail[cut...])], column: "user_id")
                #expect(split == whole, "seed \(seed), \(columns) columns, cut at \(cut), tail \(tail)")
            }
            let single = parse([start] + tail.map { [$0] }, column: "user_id")
            #expect(single == whole, "seed \(seed), \(columns) columns, byte by byte, tail \(tail)")
        }
    }

    @Test(arguments: seeds)
    func theOpeningIsCutAnywhere(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let text = [0xEF, 0xBB, 0xBF] + soup(200, &numbers)
        let whole = parse([text])
        for cut in 0...8 {
            #expect(parse([Array(text[..<cut]), Array(text[cut...])]) == whole, "seed \(seed), cut at \(cut)")
        }
        #expect(parse(text.map { [$0] }) == whole, "seed \(seed), byte by byte")
    }

    @Test(arguments: seeds)
    func noBytesTrapOrMakeMoreRowsThanLines(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<50 {
            let count = numbers.below(400)
            let isSoup = numbers.below(2) == 0
            var text =
                isSoup ? soup(count, &numbers) : (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
            if numbers.below(2) == 0 { text = Array("user_id\n".utf8) + text }
            let lines = text.count { $0 == UInt8(ascii: "\n") }
            for column in [nil, "user_id"] {
                let parsed = parse([text], column: column)
                #expect(parsed.rows.count <= lines + 1, "seed \(seed), \(text)")
            }
        }
    }

    /// Random, mutated and well-formed inputs of every shape, broken ones above all, read by the plain second reader too. The
    /// counts keep it from comparing refusals with refusals.
    @Test(arguments: seeds)
    func agreesWithTheSecondReader(seed: UInt64) {
        var numbers = SeededNumbers(seed: seed &+ 1_000)
        var kinds: [String: Int] = [:]
        for number in 0..<250 {
            let delimiter = UInt8(ascii: numbers.below(4) == 0 ? ";" : ",")
            let text = mixed(&numbers, delimiter)
            let column = numbers.below(3) == 0 ? nil : "user_id"
            let header: HeaderRule = column != nil ? .automatic : [.automatic, .present, .absent][numbers.below(3)]
            let cut = numbers.below(text.count + 1)
            let found = parse([Array(text[..<cut]), Array(text[cut...])], column: column, header: header, delimiter: delimiter)
            let reader = CSVSecondReader(column: column, delimiter: delimiter, header: header)
            let place = "seed \(seed), input \(number), \(String(decoding: text, as: UTF8.self).debugDescription)"
            guard let expected = reader.rows(of: text) else {
                #expect(found.error != nil, "\(place)")
                kinds["refused", default: 0] += 1
                continue
            }
            #expect(found == Parsed(rows: expected.rows, endsInsideQuotes: expected.endsInsideQuotes), "\(place)")
            for row in expected.rows {
                switch row {
                case .row: kinds["row", default: 0] += 1
                case .nobody: kinds["nobody", default: 0] += 1
                case .unreadable(let reason, _): kinds["\(reason)", default: 0] += 1
                }
            }
        }
        let seen = ["row", "nobody", "quoting", "fieldCount", "refused"].map { kinds[$0, default: 0] }
        #expect(seen.allSatisfy { $0 >= 10 }, "seed \(seed): \(kinds)")
    }

    /// A header that is mostly sound, then lines that are mostly sound, then a few changes of single bytes.
    private func mixed(_ numbers: inout SeededNumbers, _ delimiter: UInt8) -> [UInt8] {
        let comma = [delimiter]
        let columns = [1, 1, 2, 3][numbers.below(4)]
        let place = numbers.below(columns)
        var text: [UInt8] = numbers.below(6) == 0 ? [0xEF, 0xBB, 0xBF] : []
        // Past the opening of 4 KiB in some, so that the rest is read as it comes.
        let isLong = numbers.below(12) == 0
        for line in 0..<(isLong ? 400 : 1 + numbers.below(8)) {
            let fields = (0..<columns).map { index -> [UInt8] in
                if line == 0, index == place { return Array("user_id".utf8) }
                if isLong { return Array("member \(line)".utf8) }
                let plain = soup(numbers.below(6), &numbers)
                switch numbers.below(3) {
                case 0: return [0x22] + plain.flatMap { $0 == 0x22 ? [0x22, 0x22] : [$0] } + [0x22]
                case 1: return plain.filter { ![0x22, 0x0A, 0x0D, delimiter].contains($0) }
                default: return numbers.below(4) == 0 ? plain : Array("u\(numbers.below(50))".utf8)
                }
            }
            text += fields.joined(separator: comma) + Array(numbers.below(4) == 0 ? "\r\n".utf8 : "\n".utf8)
        }
        if numbers.below(3) == 0 { text.removeLast() }
        for _ in 0..<(numbers.below(3) == 0 ? 1 + numbers.below(4) : 0) where !text.isEmpty {
            let place = numbers.below(text.count)
            switch numbers.below(3) {
            case 0: text[place] = UInt8(numbers.below(256))
            case 1: text.remove(at: place)
            default: text.insert(soup(1, &numbers)[0], at: place)
            }
        }
        return text
    }

    /// Cases written and read by another implementation.
    @Test func agreesWithPython() throws {
        guard runShell("python3 -c 'import csv'").status == 0 else {
            print("NOT RUN: python3 is not there, so CSV is not compared with another reader")
            return
        }
        let folder = TemporaryFolder()
        let script = folder.write("generate.py", pythonScript)
        #expect(runShell("python3 '\(script)' '\(folder.path)' 2>&1").output == "300\n")
        var compared = 0
        for number in 0..<300 {
            let text = readFile(folder.at("\(number).csv"))
            let expected = readFile(folder.at("\(number).expected")).split(separator: UInt8(ascii: "\n"))
                .map { String(decoding: $0, as: UTF8.self) }
            let parsed = parse([text], column: "user_id")
            #expect(parsed.error == nil)
            let found = parsed.rows.map { row in
                switch row {
                case .row(let id, _): "=" + id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                case .nobody: "="
                case .unreadable(let reason, let line): "\(reason) in line \(line)"
                }
            }
            #expect(found == expected, "case \(number): \(String(decoding: text, as: UTF8.self).debugDescription)")
            compared += found.count
        }
        #expect(compared > 2_000)
    }

    private let pythonScript = """
        import csv, random, sys
        random.seed(20260301)
        alphabet = ['a', 'B', '7', ' ', ',', '"', '\\n', '\\r', '\\r\\n', '\\t', ';', "'"]
        alphabet += ['\\u00e9', 'e\\u0301', '\\U0001f600']
        def field():
            return ''.join(random.choice(alphabet) for _ in range(random.choice([0, 1, 2, 3, 8, 40])))
        for number in range(300):
            columns = random.choice([1, 1, 2, 3, 7])
            place = random.randrange(columns)
            quoting = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
            end = '\\r\\n' if quoting == csv.QUOTE_MINIMAL else random.choice(['\\n', '\\r\\n'])
            path = sys.argv[1] + '/%d' % number
            with open(path + '.csv', 'w', newline='', encoding=random.choice(['utf-8', 'utf-8-sig'])) as file:
                writer = csv.writer(file, quoting=quoting, lineterminator=end)
                writer.writerow(['user_id' if i == place else 'column %d' % i for i in range(columns)])
                for _ in range(random.choice([0, 1, 3, 10, 60])):
                    writer.writerow([field() for _ in range(columns)])
            with open(path + '.csv', newline='', encoding='utf-8-sig') as file, open(path + '.expected', 'w') as out:
                for row in csv.DictReader(file):
                    out.write('=' + row['user_id'].encode().hex() + '\\n')
        print(300)
        """
}
