/// A value of the file with the bytes it stands in.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        case scalar(String, ScalarStyle)
        case sequence([YAMLNode])
        case mapping([YAMLPair])
    }

    enum ScalarStyle: Sendable {
        case plain
        case singleQuoted
        case doubleQuoted
        /// `|` or `>`.
        case block
    }

    var content: Content
    /// Whether a collection is written with brackets or braces.
    var isFlow: Bool
    /// The bytes of the value: for block collections up to the end of their last value, without what follows it.
    var bytes: Range<Int>
    var place: Place
}

struct YAMLPair: Sendable {
    var key: YAMLNode
    var value: YAMLNode
}

extension YAMLNode {
    /// The text of a scalar, whatever its style; nil for collections.
    var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// The text of a scalar that is written without quotes; nil otherwise.
    var plainText: String? {
        if case .scalar(let text, .plain) = content { text } else { nil }
    }

    /// Whether nothing was written, or a plain `null` or `~`.
    var isNull: Bool {
        guard let plainText else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(plainText)
    }

    var pairs: [YAMLPair]? {
        if case .mapping(let pairs) = content { pairs } else { nil }
    }

    var items: [YAMLNode]? {
        if case .sequence(let items) = content { items } else { nil }
    }

    /// The pair with this key, when the node is a mapping that has it.
    subscript(key: String) -> YAMLPair? { pairs?.first { $0.key.text == key } }

    /// What the node is, for messages.
    var kindName: String {
        switch content {
        case .scalar: isNull ? "nothing" : "text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
