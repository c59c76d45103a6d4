import Scheduling

/// The key table with the user's changes.
package struct Keymap: Sendable {
    package private(set) var bindings: [Binding]
    private var actions: [KeyContext: [Key: Action]] = [:]
    /// Actions whose keys differ from the table's.
    package private(set) var changed: Set<Action> = []

    /// The table as it is.
    package static let standard = Keymap(unchecked: KeyTable.bindings)

    private init(unchecked bindings: [Binding]) {
        self.bindings = bindings
        index()
    }

    /// - Parameter remapping: actions by name, each with its new key or several between blanks; `none` takes them away.
    package init(remapping: [String: String]) throws(KeymapError) {
        var keys: [Action: [Key]] = [:]
        for (name, text) in remapping.sorted(by: { $0.key < $1.key }) {
            guard let action = Action(rawValue: name) else {
                throw .unknownAction(name, near: NearNames.nearest(to: name, among: Action.allCases.map(\.rawValue)))
            }
            keys[action] = try Self.keys(of: text, for: action)
        }
        bindings = KeyTable.bindings.map { binding in
            guard let new = keys[binding.action] else { return binding }
            return Binding(
                action: binding.action, keys: new, hint: binding.hint, title: binding.title, group: binding.group,
                context: binding.context, level: binding.level, changes: binding.changes, command: binding.command,
                weight: binding.weight)
        }
        changed = Set(keys.keys)
        let collisions = Self.collisions(in: bindings)
        guard collisions.isEmpty else { throw .collisions(collisions) }
        index()
    }

    private static func keys(of text: String, for action: Action) throws(KeymapError) -> [Key] {
        var keys: [Key] = []
        if text == "none" { return keys }
        let words = text == " " ? [" "] : text.split(separator: " ").map(String.init)
        guard !words.isEmpty else { throw .unknownKey(text, for: action) }
        for word in words {
            guard let key = Key(notation: word) else { throw .unknownKey(word, for: action) }
            if let why = whyReserved(key, for: action) { throw .reserved(word, for: action, why: why) }
            keys.append(key)
        }
        return keys
    }

    /// Enter opens and Escape leaves, wherever they are; Ctrl keys and movement keys never change anything.
    private static func whyReserved(_ key: Key, for action: Action) -> String? {
        let changes = KeyTable.bindings.contains { $0.action == action && $0.changes && $0.action != .save }
        switch key {
        case .enter where action != .open: return "Enter opens and never changes anything"
        case .escape where action != .back && action != .leave: return "Esc peels one layer"
        case .control("c"): return "Ctrl-C cancels, and leaves when it is pressed twice"
        case .control where changes: return "no Ctrl key changes anything"
        case .up, .down, .left, .right, .home, .end, .pageUp, .pageDown, .tab, .backTab:
            return changes ? "movement keys never change anything" : nil
        default: return nil
        }
    }

    /// Pairs of actions that one key would do at the same place.
    package static func collisions(in bindings: [Binding]) -> [KeyCollision] {
        var found: [KeyCollision] = []
        for (index, binding) in bindings.enumerated() {
            for other in bindings[(index + 1)...] where binding.context.overlaps(other.context) {
                for key in binding.keys where other.keys.contains(key) {
                    found.append(KeyCollision(key: key, first: binding.action, second: other.action))
                }
            }
        }
        return found
    }

    private mutating func index() {
        for context in KeyContext.allCases {
            var table: [Key: Action] = [:]
            for binding in bindings where binding.context.overlaps(context) && Self.holds(binding.context, in: context) {
                for key in binding.keys { table[key] = binding.action }
            }
            actions[context] = table
        }
    }

    /// `.everywhere` asked for by itself means a screen without syncs and rejects.
    private static func holds(_ context: KeyContext, in place: KeyContext) -> Bool {
        context == place || context == .everywhere && place != .editor
    }

    func action(for key: Key, in context: KeyContext) -> Action? {
        actions[context]?[key]
    }

    func binding(of action: Action) -> Binding? {
        bindings.first { $0.action == action }
    }

    /// The first key of an action as it is shown; nil when it has none.
    func label(of action: Action, ascii: Bool = false) -> String? {
        binding(of: action)?.keys.first?.label(ascii: ascii)
    }
}

/// One key for two actions.
package struct KeyCollision: Hashable, Sendable {
    package let key: Key
    package let first: Action
    package let second: Action
}

/// Why `keys:` of `dashboard.yaml` is refused.
package enum KeymapError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownAction(String, near: [String])
    case unknownKey(String, for: Action)
    case reserved(String, for: Action, why: String)
    case collisions([KeyCollision])

    package var description: String {
        switch self {
        case .unknownAction(let name, let near):
            "`\(name)` is no action" + (near.first.map { "; did you mean `\($0)`?" } ?? "")
        case .unknownKey(let text, let action):
            "`\(text)` is no key for `\(action.rawValue)`; write r, R, <space>, <ctrl-s>, <f2> or none"
        case .reserved(let text, let action, let why):
            "`\(text)` cannot be `\(action.rawValue)`: \(why)"
        case .collisions(let collisions):
            collisions.map {
                "`\($0.key.label())` would be both `\($0.first.rawValue)` and `\($0.second.rawValue)`"
            }.joined(separator: "; ")
        }
    }
}
