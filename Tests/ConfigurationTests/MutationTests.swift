import Testing

@testable import Configuration

/// A small generator whose seed is printed when a test fails.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        // SplitMix64, https://prng.di.unimi.it/splitmix64.c (public domain).
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

struct MutationTests {
    private static let pieces: [String] = [
        "\0", "\t", "\n", "\r\n", " ", ":", ": ", "- ", "{", "}", "[", "]", "\"", "'", "#", " #", "&a", "*a", "!!str",
        "|",
        ">", "?", "%", "@", "`", "---", "...", "<<: ", "~", "null", "true", "\u{85}", "\u{2028}", "\u{202E}",
        "\u{FEFF}",
        "é", "😀", "9999999999999999999999", "1e3", "{env: A}", "\\x00", "\\u0000", ",",
    ]

    /// Whatever the bytes are: an answer, in the file, with a message; and what is read can be edited and reread.
    @Test(arguments: 0..<4)
    func noBytesTrap(part: UInt64) throws {
        let seed = UInt64.random(in: 0...UInt64.max) &+ part
        var random = SeededRandom(seed: seed)
        let sample = Array(productExample.utf8)
        var refused = 0
        for round in 0..<120 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, using: &random) }
            do throws(ConfigurationError) {
                let found = try Configuration.parse(bytes, file: "f")
                for cohort in found.cohorts { edit(bytes, cohort.key, "seed \(seed) round \(round)") }
            } catch {
                refused += 1
                let lines = bytes.count { $0 == 0x0A } + 1
                #expect(!error.problems.isEmpty, "seed \(seed) round \(round)")
                for problem in error.problems {
                    #expect((1...lines).contains(problem.line) && problem.column >= 1, "seed \(seed) round \(round)")
                    #expect(!problem.message.isEmpty, "seed \(seed) round \(round)")
                }
            }
        }
        #expect(refused > 40, "seed \(seed)")
    }

    /// libyaml puts the end of a text on a line of its own where the last line has no newline; a key without a value lies there.
    @Test(arguments: ["? version", "version: 1\n? nothing", "version: 1\ncohorts:\n  ? a", "? [x]", "? \"é\"", "- a\n- ? b"])
    func noProblemLiesBehindTheLastLine(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(Array(text.utf8), file: "f") }
        let lines = text.utf8.count { $0 == 0x0A } + 1
        #expect(error?.problems.isEmpty == false)
        for problem in error?.problems ?? [] { #expect((1...lines).contains(problem.line), "\(problem)") }
    }

    /// An edit either is refused and changes nothing, or says what was meant.
    private func edit(_ bytes: [UInt8], _ cohort: String, _ context: String) {
        guard var editor = try? ConfigurationEditor(bytes, file: "f") else { return }
        #expect(editor.bytes == bytes, "\(context)")
        let wasPaused = editor.model.cohort(cohort)?.pausedDestinations ?? []
        do throws(ConfigurationEditError) {
            try editor.setPaused(cohort: cohort, paused: true)
            #expect(editor.model.cohort(cohort)?.schedule.paused != PausedSyncs.none, "\(context)")
            guard wasPaused.isEmpty else { return }
            try editor.setPaused(cohort: cohort, paused: false)
            #expect(editor.bytes == bytes, "\(context): \(String(decoding: editor.bytes, as: UTF8.self))")
        } catch {
            #expect(!"\(error)".isEmpty, "\(context)")
        }
    }

    private func mutate(_ bytes: inout [UInt8], using random: inout SeededRandom) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.insert(contentsOf: (Self.pieces.randomElement(using: &random) ?? "").utf8, at: place)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.remove(at: place)
        case 3: bytes.removeSubrange(place...)
        case 4:
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int.random(in: 0...bytes.count, using: &random))
        default:
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            bytes.removeSubrange(place..<end)
        }
        if bytes.isEmpty { bytes = [0x61] }
    }

    @Test func hostileShapesEndQuickly() {
        let shapes = [
            String(repeating: "[", count: 200_000), String(repeating: "{a: ", count: 200_000),
            String(repeating: "- ", count: 100_000), String(repeating: "? ", count: 100_000),
            "version: 1\n" + String(repeating: "a", count: 900_000), "a: \"" + String(repeating: "\\n", count: 100_000),
            String(repeating: "a: 1\n", count: 50_000), "[" + String(repeating: "a,", count: 100_000) + "]",
            "version: " + String(repeating: "😀", count: 200_000), String(repeating: "#\n", count: 100_000),
            "[" + String(repeating: "&a 1,", count: 60_000) + "]", "[" + String(repeating: "{},", count: 100_000) + "]",
            "version: |\n" + String(repeating: " a\n", count: 100_000),
        ]
        for shape in shapes {
            #expect(throws: ConfigurationError.self, "\(shape.prefix(20))") {
                try Configuration.parse(Array(shape.utf8), file: "f")
            }
        }
    }

    @Test func tenThousandCohorts() throws {
        var text = workspace(cohort: "source: lists\nfile: v.csv\nto: [segment]")
        for index in 0..<9_999 {
            text += "  c\(index): {source: amp, to: [segment], schedule: manual}\n"
        }
        #expect(try model(text).cohorts.count == 10_000)
    }
}
