import CYaml

/// Reads YAML into nodes that know their bytes.
///
/// This works on the events of libyaml as Yams ships it, not on Yams' own `Node`: that one has no ends of values,
/// which surgical edits need, hides aliases, and gives up at the first mapping with a duplicate key. Anchors, aliases
/// and tags are refused: nothing in a configuration needs them, and without them a file is as large as it looks.
struct YAMLReader {
    /// Deepest nesting; the configuration itself uses six levels.
    static let deepest = 32

    /// The file's value; nil when there is none or when there are problems.
    private(set) var root: YAMLNode?
    private(set) var problems: [ConfigurationProblem] = []

    private let text: FileText
    private let offsets: ScalarOffsets
    private var open: [Collection] = []
    private var documents = 0

    init(_ text: FileText) {
        self.text = text
        offsets = ScalarOffsets(text.bytes)
        text.bytes.withUnsafeBufferPointer { read($0) }
        if !problems.isEmpty { root = nil }
    }

    /// A list or mapping whose end has not come yet.
    private struct Collection {
        var isMapping: Bool
        var isFlow: Bool
        var start: Int
        var place: Place
        var items: [YAMLNode] = []
        var pairs: [YAMLPair] = []
        var key: YAMLNode?
    }

    private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            return report(Place(line: 1, column: 1), "out of memory")
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else {
                let complaint = YAMLComplaint(parser, offsets: offsets)
                let (offset, message) = complaint.explanation(in: text)
                return report(text.place(of: offset), message)
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT || !take(event) { return }
        }
    }

    /// Adds one event to the tree; false when reading is over.
    private mutating func take(_ event: yaml_event_t) -> Bool {
        let start = offsets[event.start_mark.index]
        let end = offsets[event.end_mark.index]
        let place = place(of: event.start_mark)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            documents += 1
            guard documents == 1 else {
                report(place, "a second document begins here; a configuration is one document, remove the line")
                return false
            }
        case YAML_ALIAS_EVENT:
            report(place, "an alias (*name); aliases are not supported, write the value out")
            add(YAMLNode(content: .scalar("", .plain), isFlow: false, bytes: start..<start, place: place))
        case YAML_SCALAR_EVENT:
            refuse(anchor: event.data.scalar.anchor, tag: event.data.scalar.tag, place)
            add(scalar(event, start: start, end: end))
        case YAML_SEQUENCE_START_EVENT:
            let sequence = event.data.sequence_start
            refuse(anchor: sequence.anchor, tag: sequence.tag, place)
            return begin(isMapping: false, isFlow: sequence.style == YAML_FLOW_SEQUENCE_STYLE, at: start, place)
        case YAML_MAPPING_START_EVENT:
            let mapping = event.data.mapping_start
            refuse(anchor: mapping.anchor, tag: mapping.tag, place)
            return begin(isMapping: true, isFlow: mapping.style == YAML_FLOW_MAPPING_STYLE, at: start, place)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            close(at: end)
        default:
            break
        }
        return true
    }

    private mutating func begin(isMapping: Bool, isFlow: Bool, at start: Int, _ place: Place) -> Bool {
        open.append(Collection(isMapping: isMapping, isFlow: isFlow, start: start, place: place))
        guard open.count <= Self.deepest else {
            report(place, "nested deeper than \(Self.deepest) levels; nothing in a configuration goes that deep")
            return false
        }
        return true
    }

    private mutating func close(at end: Int) {
        guard let collection = open.popLast() else { return }
        let last = collection.isMapping ? collection.pairs.last?.value : collection.items.last
        // A block collection has no end of its own; libyaml's is wherever the next token stands.
        let end = collection.isFlow ? end : max(last?.bytes.upperBound ?? collection.start, collection.start)
        add(
            YAMLNode(
                content: collection.isMapping ? .mapping(collection.pairs) : .sequence(collection.items),
                isFlow: collection.isFlow, bytes: collection.start..<max(end, collection.start),
                place: collection.place))
    }

    private mutating func add(_ node: YAMLNode) {
        guard let top = open.indices.last else {
            root = node
            return
        }
        if !open[top].isMapping {
            open[top].items.append(node)
        } else if let key = open[top].key {
            open[top].pairs.append(YAMLPair(key: key, value: node))
            open[top].key = nil
        } else {
            open[top].key = node
        }
    }

    private func scalar(_ event: yaml_event_t, start: Int, end: Int) -> YAMLNode {
        let scalar = event.data.scalar
        let style: YAMLNode.ScalarStyle =
            switch scalar.style {
            case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
            case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
            case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
            default: .plain
            }
        var end = max(start, end)
        if style == .block {
            while end > start, [0x0A, 0x0D, 0x20, 0x09].contains(text.bytes[end - 1]) { end -= 1 }
        }
        let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        return YAMLNode(
            content: .scalar(value, style), isFlow: false, bytes: start..<end, place: place(of: event.start_mark))
    }

    /// libyaml counts lines and columns as we do, once the newlines that it alone knows were refused. It has counted
    /// already: counting anew for every value of a long line would take its length squared. Only the end of the text it puts
    /// on a line of its own, even where the last line has no newline.
    private func place(of mark: yaml_mark_t) -> Place {
        let end = text.bytes.count
        return offsets[mark.index] < end ? Place(line: mark.line + 1, column: mark.column + 1) : text.place(of: end)
    }

    private mutating func refuse(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ place: Place
    ) {
        if anchor != nil {
            report(place, "an anchor (&name); anchors are not supported, write the value out where it is used")
        } else if tag != nil {
            report(place, "a tag (!name); tags are not supported, remove it or put the value in quotes")
        }
    }

    private mutating func report(_ place: Place, _ message: String) {
        problems.append(ConfigurationProblem(line: place.line, column: place.column, message: message))
    }
}

/// From libyaml's positions, which count Unicode scalars, to bytes.
struct ScalarOffsets {
    /// Offset of every scalar's first byte; empty when all are ASCII and positions are offsets already.
    private let table: [Int32]
    private let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        guard bytes.contains(where: { $0 >= 0x80 }) else {
            table = []
            return
        }
        table = bytes.indices.lazy.filter { bytes[$0] & 0xC0 != 0x80 }.map { Int32(truncatingIfNeeded: $0) }
    }

    subscript(position: Int) -> Int {
        guard !table.isEmpty else { return min(position, count) }
        return position < table.count ? Int(table[position]) : count
    }
}
