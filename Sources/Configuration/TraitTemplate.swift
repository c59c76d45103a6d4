/// A trait's template: text with `{name}`, `{id}` and `{key}` in it.
enum TraitTemplate {
    static let fields = ["name", "id", "key"]

    /// The template with its fields filled in. What stands for a field is not looked at again, so a name that holds
    /// `{id}` stays as it is.
    static func expand(_ template: String, name: String, id: String, key: String) -> String {
        var result: [UInt8] = []
        var rest = Array(template.utf8)[...]
        let values = ["{name}": name, "{id}": id, "{key}": key]
        while let byte = rest.first {
            if byte == UInt8(ascii: "{"),
                let value = values.first(where: { rest.starts(with: $0.key.utf8) })
            {
                result += value.value.utf8
                rest = rest.dropFirst(value.key.utf8.count)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What is wrong with a template; nil when nothing is.
    static func complaint(_ template: String) -> String? {
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else {
                return "\"{\" without its \"}\"; a template takes {name}, {id} and {key}"
            }
            let field = String(rest[rest.index(after: open)..<close])
            guard fields.contains(field) else {
                let near = nearName(field, among: fields).map { "did you mean {\($0)}?" }
                return "there is no field \(quoted("{\(field)}")); \(near ?? "it takes {name}, {id} and {key}")"
            }
            rest = rest[rest.index(after: close)...]
        }
        return nil
    }
}
