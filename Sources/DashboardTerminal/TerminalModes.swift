import CNcurses

/// The modes beyond ncurses' own, and the bytes that undo everything.
struct TerminalModes {
    /// Reports of pastes and of focus on, mouse as wanted. Empty for terminals that are not of the ANSI family.
    let on: [UInt8]
    let off: [UInt8]
    let mouseOn: [UInt8]
    let mouseOff: [UInt8]
    /// Everything off, the cursor shown and the screen left: what a crash writes.
    let undo: [UInt8]
    /// Whether leaving the screen brings back what was there before.
    let hasOtherScreen: Bool

    /// Asks terminfo about the open terminal.
    init() {
        func capability(_ name: String) -> [UInt8] {
            cnc_capability(name).map { Array(String(cString: $0).utf8) } ?? []
        }
        let isANSI = capability("cup").starts(with: [0x1B, UInt8(ascii: "[")])
        func extra(_ text: String) -> [UInt8] { isANSI ? Array(text.utf8) : [] }
        on = extra("\u{1B}[?2004h\u{1B}[?1004h")
        mouseOn = extra("\u{1B}[?1000h\u{1B}[?1006h")
        mouseOff = extra("\u{1B}[?1006l\u{1B}[?1000l")
        off = extra("\u{1B}[?2004l\u{1B}[?1004l\u{1B}[?1006l\u{1B}[?1003l\u{1B}[?1002l\u{1B}[?1000l")
        let leave = capability("rmcup")
        hasOtherScreen = !leave.isEmpty
        undo = off + capability("sgr0") + capability("cnorm") + capability("rmkx")
            + (leave.isEmpty ? Array("\r\n".utf8) : leave)
    }
}
