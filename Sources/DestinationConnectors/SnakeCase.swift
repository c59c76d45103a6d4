import SyncEngine

/// Names as Segment's warehouses and audiences write them: ASCII letters and digits in words joined by `_`, a word
/// being capitals or digits followed by small letters or digits (https://github.com/segmentio/go-snakecase).
enum SnakeCase {
    static func text(_ text: String) -> String {
        var result: [UInt8] = []
        var wasSmall = false
        var isInWord = false
        for byte in text.utf8 {
            switch byte {
            case 0x41...0x5A:
                if !result.isEmpty, !isInWord || wasSmall { result.append(0x5F) }
                result.append(byte | 0x20)
                (wasSmall, isInWord) = (false, true)
            case 0x61...0x7A, 0x30...0x39:
                if !result.isEmpty, !isInWord { result.append(0x5F) }
                result.append(byte)
                if byte >= 0x61 { wasSmall = true }
                isInWord = true
            default:
                (wasSmall, isInWord) = (false, false)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The key of an audience: its own in snake case, else its id's, for a key without a letter or digit.
    static func key(for audience: Audience) -> String {
        [audience.key, audience.id].lazy.map { text($0) }.first { !$0.isEmpty } ?? "audience"
    }
}
