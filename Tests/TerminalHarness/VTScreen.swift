/// A terminal as a value: takes the bytes that a program writes and knows what its screen would show. It understands
/// the sequences that ncurses writes for the ANSI family, and notes every other, so that a test sees what it missed.
struct VTScreen {
    struct Look: Equatable {
        var isBold = false
        var isDim = false
        var isUnderlined = false
        var isReverse = false
        /// 0…15, or nil for the default.
        var foreground: Int?
        var background: Int?
    }

    struct Cell: Equatable {
        var text = " "
        var look = Look()
    }

    private(set) var width: Int
    private(set) var height: Int
    private(set) var row = 0
    private(set) var column = 0
    /// DEC private modes that are set, such as 1049 for the other screen.
    private(set) var modes: Set<Int> = [7, 25]
    private(set) var bells = 0
    private(set) var strings: [String] = []
    private(set) var unknown: [String] = []
    private(set) var look = Look()
    private var cells: [[Cell]]
    private var other: [[Cell]]
    private var saved = (row: 0, column: 0)
    private var top = 0
    private var bottom: Int
    private var wrapsNext = false
    private var pending: [UInt8] = []

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        bottom = height - 1
        cells = Self.empty(width, height)
        other = cells
    }

    /// The screen's rows without trailing blanks.
    var lines: [String] {
        cells.map { row in
            var line = row.map(\.text).joined()
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    subscript(row: Int, column: Int) -> Cell { cells[row][column] }

    /// Takes on another size; what was shown is lost, as a program has to repaint anyway.
    mutating func resize(width: Int, height: Int) {
        self.width = width
        self.height = height
        cells = Self.empty(width, height)
        other = cells
        (top, bottom) = (0, height - 1)
        (row, column) = (min(row, height - 1), min(column, width - 1))
        wrapsNext = false
    }

    mutating func take(_ bytes: some Sequence<UInt8>) {
        pending.append(contentsOf: bytes)
        var next = 0
        while next < pending.count, let length = step(pending[next...]) { next += length }
        pending.removeFirst(next)
    }

    private static func empty(_ width: Int, _ height: Int) -> [[Cell]] {
        Array(repeating: Array(repeating: Cell(), count: width), count: height)
    }

    // MARK: - Bytes

    /// Acts on the first thing in the bytes and returns its length; nil when it is not complete.
    private mutating func step(_ bytes: ArraySlice<UInt8>) -> Int? {
        let first = bytes[bytes.startIndex]
        switch first {
        case 0x07: bells += 1
        case 0x08: move(to: row, column - 1)
        case 0x09: move(to: row, min(width - 1, (column / 8 + 1) * 8))
        case 0x0A: lineFeed()
        case 0x0D: move(to: row, 0)
        case 0x0E, 0x0F, 0x18, 0x00: break
        case 0x1B: return escape(bytes)
        case 0x20..<0x7F: put(String(Unicode.Scalar(first)))
        case 0xC2...:
            let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
            guard bytes.count >= length else { return nil }
            put(String(decoding: bytes.prefix(length), as: UTF8.self))
            return length
        default: unknown.append("byte \(first)")
        }
        return 1
    }

    private mutating func put(_ text: String) {
        guard let scalar = text.unicodeScalars.first else { return }
        if isMark(scalar) {
            let place = wrapsNext ? column : column - 1
            if place >= 0 {
                let base = cells[row][place].text.isEmpty ? place - 1 : place
                cells[row][base].text += text
            }
            return
        }
        let size = isWide(scalar) ? 2 : 1
        if modes.contains(7) && (wrapsNext || column + size > width) {
            column = 0
            wrapsNext = false
            lineFeed()
        }
        clearHalves(column, size)
        cells[row][column] = Cell(text: text, look: look)
        if size == 2 && column + 1 < width { cells[row][column + 1] = Cell(text: "", look: look) }
        wrapsNext = column + size >= width
        column = min(width - 1, column + size)
    }

    /// Overwriting half of a wide character blanks its other half.
    private mutating func clearHalves(_ start: Int, _ size: Int) {
        if start > 0 && cells[row][start].text.isEmpty { cells[row][start - 1].text = " " }
        let after = start + size
        if after < width && cells[row][after].text.isEmpty { cells[row][after].text = " " }
    }

    private func isMark(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x2FF && [.nonspacingMark, .enclosingMark].contains(scalar.properties.generalCategory)
    }

    private func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }

    private mutating func move(to row: Int, _ column: Int) {
        self.row = max(0, min(height - 1, row))
        self.column = max(0, min(width - 1, column))
        wrapsNext = false
    }

    private mutating func lineFeed() {
        if row == bottom { scroll(by: 1) } else { row = min(height - 1, row + 1) }
    }

    private mutating func scroll(by count: Int, from first: Int? = nil) {
        let first = first ?? top
        for _ in 0..<min(abs(count), height) where first <= bottom {
            let blank = Array(repeating: Cell(), count: width)
            if count > 0 {
                cells.remove(at: first)
                cells.insert(blank, at: bottom)
            } else {
                cells.remove(at: bottom)
                cells.insert(blank, at: first)
            }
        }
    }

    // MARK: - Sequences

    private mutating func escape(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count > 1 else { return nil }
        switch bytes[bytes.startIndex + 1] {
        case UInt8(ascii: "["): return control(bytes)
        case UInt8(ascii: "]"), UInt8(ascii: "P"): return string(bytes)
        case UInt8(ascii: "("), UInt8(ascii: ")"): return bytes.count > 2 ? 3 : nil
        case UInt8(ascii: "="), UInt8(ascii: ">"): return 2
        case UInt8(ascii: "7"): saved = (row, column)
        case UInt8(ascii: "8"): move(to: saved.row, saved.column)
        case UInt8(ascii: "M"): if row == top { scroll(by: -1) } else { row = max(0, row - 1) }
        case let byte: unknown.append("ESC \(Character(Unicode.Scalar(byte)))")
        }
        return 2
    }

    private mutating func string(_ bytes: ArraySlice<UInt8>) -> Int? {
        let isControl = bytes[bytes.startIndex + 1] == UInt8(ascii: "P")
        for index in bytes.indices.dropFirst(2) {
            let endsHere = bytes[index] == 0x07 && !isControl
            let ends = bytes[index] == UInt8(ascii: "\\") && bytes[index - 1] == 0x1B
            guard endsHere || ends else { continue }
            strings.append(String(decoding: bytes[(bytes.startIndex + 2)..<(ends ? index - 1 : index)], as: UTF8.self))
            return index - bytes.startIndex + 1
        }
        return nil
    }

    private mutating func control(_ bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex + 2
        while index < bytes.endIndex && (0x20..<0x40).contains(bytes[index]) { index += 1 }
        guard index < bytes.endIndex else { return nil }
        let body = String(decoding: bytes[(bytes.startIndex + 2)..<index], as: UTF8.self)
        let final = Character(Unicode.Scalar(bytes[index]))
        if body.hasPrefix("?") {
            setModes(body.dropFirst(), final)
        } else {
            let numbers = body.split(separator: ";", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            act(final, numbers)
        }
        return index - bytes.startIndex + 1
    }

    private mutating func setModes(_ body: Substring, _ final: Character) {
        // The Linux console's cursor shape ends in c and means nothing here.
        if final == "c" { return }
        guard final == "h" || final == "l" else { return unknown.append("CSI ?\(body)\(final)") }
        for mode in body.split(separator: ";").compactMap({ Int($0) }) {
            let wasSet = modes.contains(mode)
            if final == "h" { modes.insert(mode) } else { modes.remove(mode) }
            guard mode == 1049, wasSet != modes.contains(mode) else { continue }
            if final == "h" { saved = (row, column) }
            swap(&cells, &other)
            if final == "h" { cells = Self.empty(width, height) } else { move(to: saved.row, saved.column) }
        }
    }

    private mutating func act(_ final: Character, _ numbers: [Int]) {
        let first = numbers.first ?? 0
        let count = max(1, first)
        switch final {
        case "A": move(to: row - count, column)
        case "B": move(to: row + count, column)
        case "C": move(to: row, column + count)
        case "D": move(to: row, column - count)
        case "G": move(to: row, count - 1)
        case "d": move(to: count - 1, column)
        case "H", "f": move(to: count - 1, max(1, numbers.count > 1 ? numbers[1] : 1) - 1)
        case "J": eraseScreen(first)
        case "K": eraseLine(first)
        case "X": erase(row, column..<min(width, column + count))
        case "P": shiftLeft(count)
        case "@": shiftRight(count)
        case "L": if (top...bottom).contains(row) { scroll(by: -count, from: row) }
        case "M": if (top...bottom).contains(row) { scroll(by: count, from: row) }
        case "S": scroll(by: count)
        case "T": scroll(by: -count)
        case "Z": move(to: row, max(0, (column - 1) / 8 * 8))
        case "b": repeatLast(count)
        case "m": render(numbers)
        case "r":
            (top, bottom) = (count - 1, (numbers.count > 1 && numbers[1] > 0 ? min(numbers[1], height) : height) - 1)
            if top >= bottom { (top, bottom) = (0, height - 1) }
            move(to: 0, 0)
        case "h", "l", "t": break
        default: unknown.append("CSI \(numbers)\(final)")
        }
    }

    private mutating func repeatLast(_ count: Int) {
        guard column > 0 else { return }
        let text = cells[row][wrapsNext ? column : column - 1].text
        for _ in 0..<count { put(text) }
    }

    // MARK: - Erasing

    private mutating func erase(_ row: Int, _ columns: Range<Int>) {
        var blank = Cell()
        blank.look.background = look.background
        for column in columns { cells[row][column] = blank }
    }

    private mutating func eraseLine(_ how: Int) {
        erase(row, (how == 0 ? column : 0)..<(how == 1 ? column + 1 : width))
    }

    private mutating func eraseScreen(_ how: Int) {
        for line in 0..<height where how == 2 || (how == 0 ? line > row : line < row) { erase(line, 0..<width) }
        if how != 2 { eraseLine(how) }
    }

    private mutating func shiftLeft(_ count: Int) {
        let count = min(count, width - column)
        cells[row].removeSubrange(column..<(column + count))
        cells[row].append(contentsOf: Array(repeating: Cell(), count: count))
    }

    private mutating func shiftRight(_ count: Int) {
        let count = min(count, width - column)
        cells[row].insert(contentsOf: Array(repeating: Cell(), count: count), at: column)
        cells[row].removeLast(count)
    }

    private mutating func render(_ numbers: [Int]) {
        for number in numbers.isEmpty ? [0] : numbers {
            switch number {
            case 0: look = Look()
            case 1: look.isBold = true
            case 2: look.isDim = true
            case 4: look.isUnderlined = true
            case 7: look.isReverse = true
            case 22: (look.isBold, look.isDim) = (false, false)
            case 24: look.isUnderlined = false
            case 27: look.isReverse = false
            case 30...37: look.foreground = number - 30
            case 39: look.foreground = nil
            case 40...47: look.background = number - 40
            case 49: look.background = nil
            case 90...97: look.foreground = number - 82
            case 100...107: look.background = number - 92
            case 10, 11, 12: break
            default: unknown.append("SGR \(number)")
            }
        }
    }
}
