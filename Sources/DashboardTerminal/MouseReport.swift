import Dashboard

/// Reports of clicks and wheel steps: the SGR form, and the old one that ends at column 223.
enum MouseReport {
    /// Nil for anything else than a press or a wheel step. `sequence` begins with `[`.
    static func input(_ sequence: ArraySlice<UInt8>) -> TerminalInput? {
        let body = sequence.dropFirst()
        guard let first = body.first, let last = body.last else { return nil }
        if first == UInt8(ascii: "<") { return last == UInt8(ascii: "M") ? modern(body.dropFirst().dropLast()) : nil }
        guard first == UInt8(ascii: "M"), body.count == 4 else { return nil }
        let values = body.dropFirst().map(Int.init)
        return click(code: values[0] - 32, column: values[1] - 32, row: values[2] - 32)
    }

    private static func modern(_ parameters: ArraySlice<UInt8>) -> TerminalInput? {
        let numbers = parameters.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map {
            $0.count <= 5 ? Int(String(decoding: $0, as: UTF8.self)) : nil
        }
        guard numbers.count == 3, let code = numbers[0], let column = numbers[1], let row = numbers[2] else {
            return nil
        }
        return click(code: code, column: column, row: row)
    }

    /// Buttons are 0 left, 1 middle, 2 right, 64 wheel up, 65 wheel down. Bit 32 marks motion; 3 is a release.
    private static func click(code: Int, column: Int, row: Int) -> TerminalInput? {
        let button = code & ~0b11100
        guard code >= 0, code & 32 == 0, button != 3, column >= 1, row >= 1 else { return nil }
        return .mouse(row: row - 1, column: column - 1, button: button)
    }
}
