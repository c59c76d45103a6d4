import Control
import Foundation
import Glibc
import Membership
import Scheduling

extension FuzzTarget {
    /// Inputs from which others are made: well-formed ones, and ones on the border.
    package var seeds: [[UInt8]] {
        switch self {
        case .csv: Self.csvSeeds
        case .configuration: Self.configurationSeeds
        case .schedule: Self.scheduleSeeds
        case .answer: Self.answerSeeds
        case .stateFile: Self.stateFileSeeds
        case .control: Self.controlSeeds
        }
    }

    /// Pieces that mean something to the reader, for mutations.
    package var words: [String] {
        switch self {
        case .csv: [",", ";", "\"", "\"\"", "\n", "\r\n", "\r", "user_id", "\u{FEFF}", "\0", "é", "\u{1F}\u{8B}", "PK\u{3}\u{4}"]
        case .configuration:
            [
                ": ", "\n", "  ", "{", "}", "[", "]", "\"", "'", "#", "&a ", "*a", "!!str ", "|\n", "---\n", "<<: ", "null", "~",
                "{env: A}", "schedule: ", "guards: off", "to: [segment]", "\t", "\u{FEFF}", "\u{2028}", "20%", "5x", "10m",
            ]
        case .schedule:
            [
                "*", "/", "-", ",", "@hourly", "mon-fri", "every ", "daily at ", "weekly on ", "monthly on ", "hourly at :", "0",
                "59", "31", "24", "s", "m", "h", "d", "realtime", "manual", " ", "feb", "L", "?", "99999999999999999999", "02:30",
            ]
        case .answer:
            [
                "{", "}", "\"success\":", "false", "true", "null", "[", "]", "<html>", "Exceed payload limit", "\n", "-1",
                "9999999999999999999", "Sun, 01 Mar 2026 12:00:10 GMT", "\"cohorts\":", "\"id\":", "\"lastComputed\":1e308", "gzip",
            ]
        case .stateFile: ["\0\0\0\0", "\u{1}", "\u{7F}"]
        case .control: ["{", "}", "\"", "null", "true", "false", ",", ":", "\"sequence\":", "\"event\":", "\\u0000", "-0", "1e999"]
        }
    }

    private static func texts(_ texts: [String], behind prefixes: [[UInt8]] = [[]]) -> [[UInt8]] {
        texts.flatMap { text in prefixes.map { $0 + Array(text.utf8) } }
    }

    private static let csvSeeds = texts(
        [
            "user_id\nu1\nu2\n", "user_id,name\nu1,A\n,B\n\"\",C\n\"u4\",\"D\"\n", "u1\r\nu2\r\n", "\"u,1\"\n\"u\"\"2\"\n\"u\n3\"\n",
            "\u{FEFF}user_id;x\n1;2\n3;4;5\n", "user_id\n\"never closed\nu2\n", "a\rb\n", "",
        ], behind: [[0], [1], [3], [29]])

    private static let configurationSeeds = texts([
        """
        version: 1
        timezone: Europe/Berlin            # zone
        sources:
          product: {kind: amplitude, region: us, api_key: {env: A}, secret_key: {file: /run/keys/amp}, quota: 500}
          lists: {kind: csv, directory: cohorts}
          app: {kind: sqlite, path: app.db}
          crm: {kind: postgres, url: {env: DATABASE_URL}}
          anything: {kind: command, timeout: 10m}
        destinations:
          segment: {kind: segment, region: us, write_key: {env: KEY}, rate: 500/s}
          hook: {kind: webhook, url: "https://example.com/cohorts", secret: {env: HOOK}}
          tables: {kind: warehouse, url: "sqlite:warehouse.db"}
          file: {kind: ndjson, path: out.ndjson}
        cohorts:
          big:
            name: Big Spenders
            id: abc123
            source: product
            to: [segment, tables]
            schedule: daily at 06:30
          trial:
            source: app
            query: SELECT user_id FROM users
            to: [segment]
            schedule: {when: "*/15 8-18 * * mon-fri", timezone: America/New_York, jitter: 30s, overlap: skip, catch_up: latest}
            guards: {max_leave: 20%, max_leave_count: 500, max_leave_daily: 30%, max_growth: 5x, min_overlap: 50%}
          vips:
            source: lists
            file: vips.csv
            column: user_id
            to: [file]
            trait: "[Amplitude] {name} ({id})"
            on_leave: "false"
            first_sync: backfill
            schedule: manual

        """,
        "version: 1\n", "version: 1\ncohorts: {a: {source: b, to: [c], schedule: manual}}\n", "- a\n- b\n", "a: &x {b: *x}\n",
    ]) + texts(
        ["keys: {sync: r, approve: a}\ntheme: mono\nmouse: true\ncolumns: {overview: [sync, state]}\n", "theme: [x]\n"],
        behind: [[0xFF]])

    private static let scheduleSeeds = texts(
        [
            "manual", "hourly", "hourly at :15", "daily at 06:30", "weekdays at 09:00", "weekly on mon at 06:00",
            "monthly on 1 at 03:00", "monthly on 31 at 02:30", "every 15m", "every 1d", "realtime", "*/15 8-18 * * mon-fri",
            "0 0 29 2 *", "@daily", "10 0,2,3 13 jan-dec sun", "0 0 31 2 *",
        ], behind: [[0, 0], [1, 120], [2, 220], [3, 7]])

    private static let answerSeeds = texts(
        [
            "12\n{\"success\":true}", "\n{\"success\":false,\"message\":\"no\"}", "Sun, 01 Mar 2026 12:00:10 GMT\n", "-5\nok",
            "application/json\n{\"ok\":false}", "text/html\n<html>", "gzip\n\u{1F}", "1790000100\n{\"error\":\"Exceed payload limit\"}",
            "1\n{\"cohorts\":[{\"id\":\"a\",\"name\":\"A\",\"size\":5,\"lastComputed\":1.7e9,\"archived\":false}]}",
            "1\n{\"request_id\":\"x\",\"async_status\":\"JOB COMPLETED\"}",
            "1\n{\"rest_download\":{\"limit\":500,\"usage\":3,\"resets_at\":\"2026-12-01T00:00:00Z\"}}",
        ], behind: [[0, 0], [9, 0], [4, 1], [11, 2], [0, 3]])

    private static let stateFileSeeds: [[UInt8]] = {
        let base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        let folder = "\(base)/rollcall-seeds-\(UUID().uuidString.prefix(8))"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = (try? StateFileSamples.make(in: folder)) ?? []
        precondition(files.count == 4, "the sample files cannot be made in \(folder)")
        return files.flatMap { [[0] + $0, [1] + $0] }
    }()

    private static let controlSeeds: [[UInt8]] = {
        var notice = ChangeNotice(sequence: 7)
        notice.event = EventView(
            at: "2026-11-24T09:57:12.081Z", sync: "vip@seg", run: "12", user: "u-1", event: "entered", status: "accepted",
            request: "12.1", http_status: 200, attempts: 1, reasserted: false, reason: nil)
        var frozen = ChangeNotice(sequence: 8)
        frozen.frozen = true
        return [notice.jsonLine(), frozen.jsonLine()].map(Array.init) + texts([
            #"{"syncs":["vip@seg"],"full":false,"approve":null,"retry_for":1.5}"#, #"{"run":"12","reason":"x","leaves":true}"#,
            #"{"sync":"vip@seg","when":"daily at 06:30","preview":true}"#, "{}", "[]", "null",
        ])
    }()
}
