import Foundation
import Testing

/// A workspace in which every payload is a user id, a part of a cohort's name, a source's complaint and a destination's answer.
struct HostileWorld {
    let corpus: EscapeCorpus
    let workspace: Workspace
    let sink: WireSink

    /// Listings that show outside text.
    let listings = [
        ["members", "ids"], ["events", "--sync", "ids"], ["rejects", "refused"], ["runs", "--limit", "1000"], ["status"],
        ["plan", "ids", "--sample", "20"], ["overlap", "ids", "refused"],
    ]

    /// Payloads that can be user ids of a list: text, and without zero bytes, which a list cannot have.
    let ids: [EscapeCorpus.Payload]

    init(_ corpus: EscapeCorpus) throws {
        self.corpus = corpus
        ids = corpus.texts.filter { !$0.bytes.contains(0) }
        workspace = try Workspace()
        let payloads = corpus.payloads
        // Refuses everybody, and tells why once the refused one is alone.
        sink = try WireSink(in: workspace) { request, _ in
            let users = (try? JSON(parsing: request.body).list("batch").compactMap { $0.text("userId") }) ?? []
            guard users.count == 1, let number = Int(users[0].dropFirst()) else { return .status(400, body: "too many") }
            return .bytes(400, body: payloads[number].bytes)
        }
        // What is shown of a complaint is 300 characters long, and what does not print takes six.
        func length(_ payloads: [EscapeCorpus.Payload]) -> Int {
            payloads.reduce(0) { $0 + $1.bytes.count + $1.bytes.count { !(0x20..<0x7F).contains($0) } * 5 }
        }
        var complaints: [[EscapeCorpus.Payload]] = []
        for payload in payloads {
            if let last = complaints.last, last.count < 3, length(last + [payload]) < 180 {
                complaints[complaints.count - 1].append(payload)
            } else {
                complaints.append([payload])
            }
        }
        // A name with a control is a mistake in the configuration, which is a surface of its own.
        let nameable = corpus.texts.filter { !($0.text ?? "").unicodeScalars.contains { $0.properties.generalCategory == .control } }
        // A name has at most 200 bytes.
        let short = nameable.filter { $0.bytes.count <= 180 }
        let names = stride(from: 0, to: short.count, by: 4).map { short[$0..<min($0 + 4, short.count)] }
        try workspace.write("cohorts/ids.csv", Array("user_id,n\n".utf8) + ids.flatMap { Self.row($0.bytes) })
        let broken = payloads.filter { $0.text == nil }.flatMap { Self.row($0.bytes) }
        try workspace.write("cohorts/broken.csv", Array("user_id,n\n".utf8) + broken)
        try workspace.list(["one"], in: "one")
        try workspace.list(payloads.indices.map { "r\($0)" }, in: "refused")
        var yaml = """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
              run: {kind: command}
            destinations:
              seg: {kind: segment, endpoint: "\(sink.endpoint)", write_key: {env: WRITE_KEY}, rate: 1000000/s}
              file: {kind: ndjson, path: out.ndjson}
            cohorts:
              ids: {source: lists, file: ids.csv, column: user_id, to: [file], schedule: manual}
              broken: {source: lists, file: broken.csv, column: user_id, to: [file], schedule: manual}
              refused: {source: lists, file: refused.csv, to: [seg], schedule: manual}

            """
        for (index, batch) in complaints.enumerated() {
            // A complaint is its first line.
            let text = batch.flatMap { $0.bytes.map { [10, 13].contains($0) ? 11 : $0 } + [0x20] }
            try workspace.write("complaint\(index)", text)
            yaml += "  s\(index): {source: run, command: [sh, -c, \"cat complaint\(index) >&2; exit 3\"], to: [file], schedule: manual}\n"
        }
        for (index, batch) in names.enumerated() {
            let name = Self.yaml(batch.compactMap(\.text).joined(separator: " "))
            yaml += "  n\(index): {source: lists, file: one.csv, id: n\(index), to: [file], schedule: manual, name: \(name)}\n"
        }
        try workspace.write("rollcall.yaml", yaml)
    }

    private static func row(_ id: [UInt8]) -> [UInt8] {
        [0x22] + id.flatMap { $0 == 0x22 ? [0x22, 0x22] : [$0] } + Array("\",1\n".utf8)
    }

    /// A double-quoted scalar of YAML.
    static func yaml(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: result += "\\" + String(scalar)
            case 0x20..<0x7F: result += String(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return result + "\""
    }
}
