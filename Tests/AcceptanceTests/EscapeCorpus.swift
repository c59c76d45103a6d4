/// Texts that try to act on a terminal, or to deceive who reads it: families × introducers × terminators × positions, the
/// same ones every time.
struct EscapeCorpus {
    struct Payload: Sendable {
        let family: String
        /// `p` and four digits, which stand in ``bytes`` too, so that it can be found again whatever became of the rest.
        let tag: String
        let bytes: [UInt8]

        /// The payload as text; nil when it is no UTF-8, so that no user id and no configuration can be made of it.
        var text: String? { String(validating: bytes, as: UTF8.self) }
    }

    private(set) var payloads: [Payload] = []

    static let all = EscapeCorpus()

    var texts: [Payload] { payloads.filter { $0.text != nil } }

    private enum Position {
        case first, middle, last
    }

    private init() {
        controls()
        sequences()
        strings()
        unseen()
        lines()
        invalid()
        cells()
    }

    // MARK: - Families

    /// Every control alone, before, within and behind text, and every C1 control as UTF-8 and as a byte.
    private mutating func controls() {
        for value in UInt8(1)...0x1F {
            for position in [Position.first, .middle, .last] { add("C0", [value], position) }
        }
        add("C0", [0x7F], .middle)
        add("C0", [0], .middle)
        for value in UInt8(0x80)...0x9F {
            add("C1 as UTF-8", [0xC2, value], .middle)
            add("C1 as a byte", [value], .middle)
        }
        for word in ["\u{1B}", "\u{1B}\u{1B}", "\u{1B}[", "\u{1B}]", "\u{1B}P", "\u{1B}\u{18}[31m", "\u{1B}[\u{8}31m", "\u{E}lqk"] {
            add("lone introducer", word, .last)
        }
    }

    private static let csi = [
        "31m", "8m", "5;7m", "38;5;213m", "48;2;1;2;3m", "9999;9999H", "9999A", "2J", "3J", "?1049h", "?1049l", "?47h", "?1003h",
        "?2004l", "?25l", "201~", "200~", "6n", "c", ">c", "=c", "?15n", "21t", "14t", "8;1;1t", "!p", "5i", "4i", "2;3r", "4h",
        "20h", "?5h", "?3h", "1 q", "?9001h", ">4;2m", "<u", "999@", "999L", "1;2\"q", "61\"p", "?1;2;3S",
    ]
    private static let escapes = [
        "c", "7", "8", "D", "E", "H", "M", "N", "O", "Z", "=", ">", "#8", "(0", ")B", "%G", "%@", " F", "~", "l", "[[A", "k-title-\u{1B}\\",
    ]

    private mutating func sequences() {
        for body in Self.csi {
            add("CSI", "\u{1B}[" + body, .middle)
            add("CSI in 8 bits as UTF-8", "\u{9B}" + body, .middle)
            add("CSI in 8 bits as a byte", [0x9B] + body.utf8, .middle)
        }
        for body in Self.escapes { add("ESC", "\u{1B}" + body, .middle) }
    }

    private static let osc = [
        "0;title", "2;title", "52;c;ZXZpbA==", "52;c;?", "8;;http://evil.example/", "4;1;rgb:ff/00/00", "10;?", "11;?",
        "104", "7;file:///etc",
        "133;A", "777;notify;a;b", "9;hello", "9;4;1;50", "1337;File=inline=1:QQ==", "50;?", "22;wait",
    ]
    private static let dcs = ["$qm", "$q\"p", "q#0!10~-", "+q544e", "tmux;\u{1B}\u{1B}]52;c;QQ==\u{7}", "1$r0m", "1000p%output"]

    private mutating func strings() {
        let ends: [(String, [UInt8])] = [
            ("BEL", [7]), ("ST", [0x1B, 0x5C]), ("ST in 8 bits as UTF-8", [0xC2, 0x9C]), ("ST as a byte", [0x9C]), ("no end", []),
        ]
        for body in Self.osc {
            for (name, end) in ends { add("OSC, \(name)", Array("\u{1B}]\(body)".utf8) + end, .middle) }
            add("OSC in 8 bits as UTF-8", "\u{9D}\(body)\u{9C}", .middle)
        }
        for body in Self.dcs {
            for (name, end) in ends.dropFirst() { add("DCS, \(name)", Array("\u{1B}P\(body)".utf8) + end, .middle) }
            add("DCS in 8 bits as UTF-8", "\u{90}\(body)\u{9C}", .middle)
        }
        for (name, introducer, eight) in [("APC", "_", "\u{9F}"), ("PM", "^", "\u{9E}"), ("SOS", "X", "\u{98}")] {
            for body in ["Gf=100,a=T;QQ==", "x"] {
                add(name, "\u{1B}\(introducer)\(body)\u{1B}\\", .middle)
                add("\(name) in 8 bits as UTF-8", "\(eight)\(body)\u{9C}", .middle)
                add("\(name), no end", "\u{1B}\(introducer)\(body)", .middle)
            }
        }
    }

    /// What does not show, or changes how its neighbours are read.
    private mutating func unseen() {
        let bidi: [UInt32] = [0x61C, 0x200E, 0x200F] + Array(0x202A...0x202E) + Array(0x2066...0x2069)
        let invisible: [UInt32] = [
            0xAD, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x200B, 0x200C, 0x200D, 0x2028, 0x2029, 0x2060, 0x2061, 0x2064,
            0x206A, 0x206F, 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFA, 0xFFFB, 0x1BCA0, 0x1D173, 0xE0001, 0xE0100,
        ]
        for value in bidi { add("bidi", scalars([value]) + "gpj.exe", .middle) }
        for value in invisible { add("invisible", scalars([value]), .middle) }
        add("tags", scalars("rm -rf".unicodeScalars.map { 0xE0000 + $0.value }) , .middle)
        add("bidi", "\u{202E}\u{2066}//\u{2069}\u{2066}", .middle)
        for count in [5, 60, 300] {
            add("marks", "e" + String(repeating: "\u{301}", count: count), .first)
            add("marks", "e" + String(repeating: "\u{20DD}", count: count), .first)
        }
        add("marks", "\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}", .first)
        for word in [
            "👩‍👩‍👧", "🇩🇪🇩🇪🇩", "ﷺﷺﷺ", "\u{1F3FF}\u{1F3FF}", "ＦＵＬＬ", "\u{E000}\u{F8FF}", scalars([0xFDD0, 0xFFFE]),
        ] { add("width", word, .middle) }
    }

    /// What tries to look like another line or cell.
    private mutating func lines() {
        for word in [
            "safe\rEVIL", "safe\nEVIL\t1", "safe\r\nEVIL", "safe\u{8}\u{8}\u{8}\u{8}EVIL", "a\tb\tc", "\u{B}\u{C}", "safe\u{85}EVIL",
            String(repeating: "\u{7}", count: 40), "\r\u{1B}[Kok  run 1 succeeded", "\u{1B}[1A\u{1B}[2KEVIL",
            "\u{1B}]0;a\u{7}\u{1B}[2J\u{1B}[H",
            "\u{1B}[200~rm -rf ~\n\u{1B}[201~y\n",
        ] { add("lines", word, .middle) }
    }

    private mutating func invalid() {
        let bytes: [[UInt8]] = [
            [0xC0, 0x9B], [0xC1, 0x9B, 0x33], [0xE0, 0x80, 0x9B], [0xF0, 0x80, 0x80, 0x9B], [0xE2, 0x80],
            [0xF0, 0x9F, 0x98], [0xFF], [0xFE, 0xFF],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xC2],
            [0xC0, 0xAF], [0xC0, 0x80],
            [0xE2, 0x80, 0x1B, 0x5B, 0x33, 0x31, 0x6D], [0x9D, 0x32, 0x3B, 0x78, 0x9C], [0x90, 0x71, 0x9C], [0x1B, 0x9B, 0x63],
        ]
        for word in bytes { add("invalid UTF-8", word, .middle) }
    }

    /// What a spreadsheet, a shell or a format would take for its own.
    private mutating func cells() {
        for word in [
            "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "=1\"+\"2", "%s%n%1$n", "$(reboot)`reboot`",
            "<b>&amp;", "\\u001b[31m", "^[[31m",
        ] {
            add("cell", word, .last)
        }
    }

    // MARK: - Making

    private func scalars(_ values: [UInt32]) -> String {
        var text = ""
        for scalar in values.compactMap(Unicode.Scalar.init) { text.unicodeScalars.append(scalar) }
        return text
    }

    private mutating func add(_ family: String, _ text: String, _ position: Position) { add(family, Array(text.utf8), position) }

    /// - Parameter position: where the payload stands beside the tag; `last` leads, so that a cell begins with it.
    private mutating func add(_ family: String, _ bytes: [UInt8], _ position: Position) {
        let digits = String(payloads.count)
        let tag = "p" + String(repeating: "0", count: 4 - digits.count) + digits
        let word = Array(tag.utf8)
        let whole: [UInt8] = switch position {
        case .first: word + bytes
        case .middle: word + bytes + Array("q".utf8)
        case .last: bytes + word
        }
        payloads.append(Payload(family: family, tag: tag, bytes: whole))
    }
}
