import Testing
import WarehouseNames

/// Golden table of Segment's rule: the first four rows are those of the vendor's documentation, the others follow from
/// the rule's two halves.
@Suite struct SnakeCaseTests {
    @Test(arguments: [
        ("[Amplitude] Big Spenders (abc123)", "amplitude_big_spenders_abc123"),
        ("[Amplitude] BigSpenders (abc123)", "amplitude_big_spenders_abc123"),
        ("[Amplitude] iOS users (Sf7M9j)", "amplitude_i_os_users_sf7_m9j"),
        ("[Amplitude] Café clients (a1b2)", "amplitude_caf_clients_a1b2"),
        ("", ""),
        ("日本", ""),
        ("___", ""),
        ("plain", "plain"),
        ("snake_case", "snake_case"),
        ("snake_case_2", "snake_case_2"),
        ("trailing_", "trailing"),
        ("_leading", "leading"),
        ("double__underscore", "double_underscore"),
        ("ABC", "abc"),
        ("ABCDef", "abcdef"),
        ("fooBar", "foo_bar"),
        ("fooBAR", "foo_bar"),
        ("FooBarBAZ", "foo_bar_baz"),
        ("5TEst", "5test"),
        ("_5TEst", "5test"),
        ("a_5B", "a_5b"),
        ("ab_5c_D", "ab_5c_d"),
        ("ab_5C", "ab_5c"),
        ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
        ("a1B2c3", "a1_b2c3"),
        ("hello world", "hello_world"),
        ("  spaces  around  ", "spaces_around"),
        ("user.address.City", "user_address_city"),
        ("ünïcode", "n_code"),
    ])
    func column(_ trait: String, _ column: String) {
        #expect(SnakeCase.column(of: trait) == column)
    }

    /// Columns only hold letters, digits and single underscores between them, and stay as they are the second time.
    @Test func everyResultIsAFixedPoint() {
        var generator = SeededGenerator(seed: 7)
        let alphabet = Array("aZ9_ .-é[(B".utf8)
        for _ in 0..<5000 {
            let length = Int.random(in: 0...14, using: &generator)
            let name = (0..<length).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            let column = SnakeCase.column(of: name)
            #expect(SnakeCase.column(of: column) == column, "seed 7, \(name)")
            #expect(column.first != UInt8(ascii: "_") && column.last != UInt8(ascii: "_"), "seed 7, \(name)")
            #expect(zip(column, column.dropFirst()).allSatisfy { $0 != $1 || $0 != UInt8(ascii: "_") })
        }
    }
}

/// A small generator with a printable seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
