/// One step of a `--script` file.
package enum ScriptStep: Hashable, Sendable {
    /// A line of the palette.
    case command(String)
    case keys([Key])
    case type(String)
    /// Until the text shows.
    case wait(String)
    /// Writes the screen under this name.
    case dump(String)
}

/// A script: one palette command a line, besides `keys j j <enter> r y`, `type TEXT`, `wait TEXT` and `dump NAME`. Empty
/// lines and lines that begin with `#` say nothing.
package struct Script: Hashable, Sendable {
    package let steps: [ScriptStep]

    /// - Throws: ``ScriptError`` for the first line that does not read, before anything is played.
    package init(_ text: String) throws(ScriptError) {
        var steps: [ScriptStep] = []
        // Lines are split as bytes: CR LF is one `Character`.
        for (number, bytes) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            var line = String(Substring(bytes))
            if line.utf8.last == 0x0D { line = String(decoding: line.utf8.dropLast(), as: UTF8.self) }
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
            do throws(CommandError) {
                steps.append(try Self.step(String(trimmed)))
            } catch {
                throw ScriptError(line: number + 1, message: error.message)
            }
        }
        self.steps = steps
    }

    private static func step(_ line: String) throws(CommandError) -> ScriptStep {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let rest = parts.count > 1 ? parts[1] : ""
        switch parts[0] {
        case "keys":
            var keys: [Key] = []
            for word in rest.split(separator: " ") {
                guard let key = Key(notation: String(word)) else {
                    throw CommandError("`\(word)` is no key; write j, <enter>, <space> or <ctrl-s>")
                }
                keys.append(key)
            }
            guard !keys.isEmpty else { throw CommandError("write `keys j j <enter>`") }
            return .keys(keys)
        case "type":
            guard !rest.isEmpty else { throw CommandError("write `type TEXT`") }
            return .type(rest)
        case "wait":
            guard !rest.isEmpty else { throw CommandError("write `wait TEXT`") }
            return .wait(rest)
        case "dump":
            guard !rest.isEmpty, !rest.contains("/"), !rest.hasPrefix(".") else {
                throw CommandError("write `dump NAME`, without slashes")
            }
            return .dump(rest)
        default:
            _ = try PaletteCommand.parse(line)
            return .command(line)
        }
    }
}

/// Why a script cannot be played.
package struct ScriptError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    package let line: Int
    package let message: String

    package var description: String { "line \(line): \(message)" }
}

/// Plays a script against a model, step by step. The host paints and performs effects in between, and calls again when
/// something has happened.
package struct ScriptPlayer: Sendable {
    private let steps: [ScriptStep]
    private var position = 0

    package init(_ script: Script) {
        steps = script.steps
    }

    /// What came of a step.
    package enum Outcome: Sendable {
        /// It was carried out; these effects came of it.
        case advanced([Effect])
        /// The screen is to be written under a name.
        case dump(String)
        /// A text does not show yet; the host calls again when the screen has changed.
        case waiting(String)
        case finished
    }

    package var isFinished: Bool { position >= steps.count }

    /// Carries out the next step.
    package mutating func step(_ model: inout DashboardModel, width: Int, height: Int) -> Outcome {
        guard steps.indices.contains(position) else { return .finished }
        switch steps[position] {
        case .wait(let text):
            guard Self.shows(text, present(model, width: width, height: height)) else { return .waiting(text) }
            position += 1
            return .advanced([])
        case .dump(let name):
            position += 1
            return .dump(name)
        case .command(let line):
            position += 1
            return .advanced(model.run(command: line))
        case .keys(let keys):
            position += 1
            return .advanced(keys.flatMap { model.update(.input(.key($0))) })
        case .type(let text):
            position += 1
            return .advanced(text.flatMap { model.update(.input(.key(.character($0)))) })
        }
    }

    private static func shows(_ text: String, _ frame: Frame) -> Bool {
        let wanted = Array(text.utf8)
        let shown = Array(frame.text.utf8)
        guard !wanted.isEmpty, shown.count >= wanted.count else { return wanted.isEmpty }
        return (0...(shown.count - wanted.count)).contains { start in
            shown[start] == wanted[0] && shown[start..<(start + wanted.count)].elementsEqual(wanted)
        }
    }
}
