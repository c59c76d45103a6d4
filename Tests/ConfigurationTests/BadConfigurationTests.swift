import Testing

@testable import Configuration

struct BadConfigurationTests {
    @Test(arguments: BadConfiguration.all.indices)
    func isRefusedAtItsPlaces(index: Int) throws {
        let bad = BadConfiguration.all[index]
        let (text, places) = unmarked(bad.text)
        let found = problems(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(bad.name): \(found)")
        #expect(found.count == bad.says.count, "\(bad.name): \(found)")
        for (problem, part) in zip(found, bad.says) {
            #expect(problem.message.contains(part), "\(bad.name): \(problem.message)")
        }
    }

    @Test func thereAreManyAndEachMessageIsFitToRead() {
        #expect(BadConfiguration.all.count >= 60)
        var listing = ""
        for bad in BadConfiguration.all {
            let found = problems(unmarked(bad.text).text)
            listing += "\n\(bad.name)\n"
            for problem in found {
                listing += "    rollcall.yaml:\(problem.line):\(problem.column): \(problem.message)\n"
                #expect(problem.message.utf8.count <= 400, "\(bad.name)")
                #expect(!problem.message.unicodeScalars.contains(where: isUnprintable), "\(bad.name)")
                for secret in ["sk_live", "sk-live", "hunter2", "s3cr3t", "abcdef", "key=abc"] {
                    #expect(!problem.message.contains(secret), "\(bad.name)")
                }
            }
        }
        print(listing)
    }

    @Test func errorPrintsOneLineAProblem() {
        let error = ConfigurationError.invalid(file: "rollcall.yaml", problems: problems("version: 2\nx: 1\n"))
        let lines = "\(error)".split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("rollcall.yaml:1:10: version \"2\" is not known") == true)
        #expect(lines.last?.hasPrefix("rollcall.yaml:2:1: unknown key \"x\"") == true)
    }

    @Test func bytesThatAreNoText() {
        #expect(problems(bytes: [0xFF, 0xFE, 0x61, 0x00]).map(\.message) == ["UTF-16; save the file as UTF-8"])
        let latin = problems(bytes: Array("version: 1\n# caf".utf8) + [0xE9] + Array("\n#".utf8) + [0xC0, 0x80, 0x0A])
        #expect(latin.map { "\($0.line):\($0.column)" } == ["2:6", "3:2"])
        #expect(latin.allSatisfy { $0.message.contains("invalid UTF-8") })
    }

    @Test func limits() {
        let large = problems(bytes: Array("version: 1\n#".utf8) + [UInt8](repeating: 0x61, count: 1 << 20))
        #expect(large.map(\.message) == ["larger than 1 MiB; a configuration is smaller"])
        let keys = (0..<500).map { "k\($0): 1\n" }.joined()
        let many = problems("version: 1\n" + keys)
        #expect(many.count == 101)
        #expect(many.last?.message == "400 more problems from here on; mend those above first")
        let cohorts = (0...10_000).map { "  c\($0): {}\n" }.joined()
        let tooMany = problems("version: 1\ncohorts:\n" + cohorts)
        #expect(tooMany.map(\.line) == [10_003])
        #expect(tooMany.first?.message.hasPrefix("10,001 cohorts are too many") == true)
    }

    @Test func textOfTheFileIsShownHarmless() {
        let found = problems("version: 1\n\"a\\e[31m\\u202E\(String(repeating: "x", count: 100))\": 1\n")
        #expect(found.count == 1)
        #expect(found.first?.message.contains("<U+001B>[31m<U+202E>xxx") == true)
        #expect(found.first?.message.contains("…") == true)
    }

    /// Names that only look alike are different keys, and no duplicate.
    @Test func keysAreBytes() {
        let found = problems("version: 1\n\"\u{E9}\": 1\n\"e\u{301}\": 1\n")
        #expect(found.count == 2)
        #expect(found.allSatisfy { $0.message.contains("unknown key") })
    }

    private func problems(_ text: String) -> [ConfigurationProblem] { problems(bytes: Array(text.utf8)) }

    private func problems(bytes: [UInt8]) -> [ConfigurationProblem] {
        do throws(ConfigurationError) {
            _ = try Configuration.parse(bytes, file: "rollcall.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    /// The text without its marks, and their lines and columns.
    private func unmarked(_ marked: String) -> (text: String, places: [String]) {
        var text = String.UnicodeScalarView()
        var places: [String] = []
        var (line, column) = (1, 1)
        for scalar in marked.unicodeScalars {
            if scalar == "▶" {
                places.append("\(line):\(column)")
                continue
            }
            text.append(scalar)
            column += 1
            if scalar == "\n" { (line, column) = (line + 1, 1) }
        }
        return (String(text), places)
    }
}
