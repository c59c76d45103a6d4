import Secrets

extension Fields {
    private static var places: [String] { ["env", "file", "command", "systemd-credential"] }

    /// A reference to a secret. Nothing that stands where a secret belongs is ever repeated in a message: somebody may
    /// have pasted one.
    func secret(_ key: String) -> SecretReference? {
        guard let node = self[key] else { return nil }
        guard let pairs = node.pairs else {
            let what = node.isNull ? "has no value" : "must be a reference, never the secret itself"
            log.add(node.place, "\(quoted(key)) of \(owner) \(what); write \"\(key): \(secretExample(key))\"")
            return nil
        }
        guard pairs.count == 1, let pair = pairs.first else {
            log.add(
                node.place,
                "\(quoted(key)) of \(owner) must name exactly one place: \(listed(Self.places, "or")), such as "
                    + secretExample(key))
            return nil
        }
        return reference(pair, key)
    }

    func requiredSecret(_ key: String) -> SecretReference? {
        if self[key] == nil { missing(key, example: secretExample(key)) }
        return secret(key)
    }

    /// `{env: SEGMENT_WRITE_KEY}` for the key `write_key` of `destination "segment"`.
    private func secretExample(_ key: String) -> String {
        let name = owner.split(separator: "\"").dropFirst().first.map { "\($0)_\(key)" } ?? key
        let letters = name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        let variable = String(letters)
        return "{env: \(variable.first?.isNumber == true ? "_" : "")\(variable)}"
    }

    private func reference(_ pair: YAMLPair, _ key: String) -> SecretReference? {
        switch pair.key.text {
        case "env":
            guard let name = secretText(pair.value, key), isVariable(name) else {
                return wrong(
                    pair, key, "\"env\" names a variable (letters, digits and _), such as \(secretExample(key))")
            }
            return .environment(name)
        case "file":
            guard let path = secretText(pair.value, key) else {
                return wrong(pair, key, "\"file\" names a file, such as {file: /run/keys/\(key)}")
            }
            return .file(path)
        case "command":
            let arguments = pair.value.items?.map { $0.isNull ? nil : $0.text } ?? []
            let texts = arguments.compactMap { $0 }
            guard let program = texts.first, !program.isEmpty, texts.count == arguments.count,
                !texts.contains(where: { $0.utf8.contains(0) })
            else {
                return wrong(
                    pair, key,
                    "\"command\" is a list of the program and its arguments, such as "
                        + "{command: [pass, show, \(key)]}")
            }
            return .command(texts)
        case "systemd-credential":
            guard let name = secretText(pair.value, key), isCredential(name) else {
                return wrong(
                    pair, key,
                    "\"systemd-credential\" names a credential (letters, digits, \".\", \"_\" and \"-\"), such as "
                        + "{systemd-credential: \(key)}")
            }
            return .systemdCredential(name)
        default:
            let near = pair.key.text.flatMap { nearName($0, among: Self.places) }
            let advice = near.map { "did you mean \"\($0)\"?" } ?? "write \(secretExample(key))"
            log.add(
                pair.key.place,
                "\(quoted(key)) of \(owner) must name one of \(listed(Self.places, "or")); \(advice)")
            return nil
        }
    }

    private func wrong(_ pair: YAMLPair, _ key: String, _ right: String) -> SecretReference? {
        log.add(pair.value.isNull ? pair.key.place : pair.value.place, "\(quoted(key)) of \(owner): \(right)")
        return nil
    }

    private func secretText(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = node.text, !node.isNull, !text.isEmpty,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return text
    }

    private func isVariable(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= 128, !(0x30...0x39).contains(first) else { return false }
        return bytes.allSatisfy(Self.isWordByte)
    }

    private func isCredential(_ name: String) -> Bool {
        name.utf8.count <= 255 && name != "." && name != ".."
            && name.utf8.allSatisfy { Self.isWordByte($0) || $0 == 0x2E || $0 == 0x2D }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
    }
}

extension Fields {
    /// A database address: a reference, or a literal that `accepts` finds nothing wrong with.
    /// - Parameter complaint: what is wrong with a literal; it must not repeat it.
    func address(_ key: String, complaint: (String) -> String?) -> Address? {
        guard let node = self[key] else { return nil }
        if node.pairs != nil { return secret(key).map { .reference($0) } }
        guard let text = text(key) else { return nil }
        if let complaint = complaint(text) {
            log.add(node.place, "\(quoted(key)) of \(owner): \(complaint)")
            return nil
        }
        return .literal(text)
    }

    /// The address of a server, checked and normalised.
    func endpoint(_ key: String, allowsQuery: Bool = false) -> String? {
        guard let node = self[key], let text = text(key) else { return nil }
        if let complaint = EndpointRules.complaint(text, allowsQuery: allowsQuery) {
            log.add(node.place, "\(quoted(key)) of \(owner): \(complaint)")
            return nil
        }
        return EndpointRules.normalised(text)
    }

    /// `region` and `endpoint`, of which one may be given.
    func regionOrEndpoint() -> (region: Region, endpoint: String?) {
        let region: Region? = choice("region")
        if self["region"] != nil, let node = self["endpoint"] {
            log.add(node.place, "\(owner) has both \"region\" and \"endpoint\"; keep one of them")
        }
        return (region ?? .us, endpoint("endpoint"))
    }
}
