import Configuration
import Control
import DestinationConnectors
import Foundation
import Glibc
import HTTPClient
import Membership
import Scheduling
import SourceConnectors
import SyncEngine

/// What reads bytes that others wrote. Each is fed with anything at all; it answers or refuses, and what it answers is
/// checked where a wrong answer would show.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case csv
    case configuration
    case schedule
    case answer
    case stateFile = "state-file"
    case control

    /// Reads the bytes.
    /// - Returns: whether they were taken.
    package func read(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .csv: Self.readCSV(bytes)
        case .configuration: Self.readConfiguration(bytes)
        case .schedule: Self.readSchedule(bytes)
        case .answer: Self.readAnswer(bytes)
        case .stateFile: Self.readStateFile(bytes)
        case .control: Self.readControl(bytes)
        }
    }

    // MARK: - CSV

    /// The first byte chooses the reading and where the rest is cut: the cut must not change what is read.
    private static func readCSV(_ bytes: [UInt8]) -> Bool {
        let choice = Int(bytes.first ?? 0)
        let text = Array(bytes.dropFirst())
        let column = choice & 1 == 0 ? nil : "user_id"
        let delimiter = UInt8(ascii: choice & 2 == 0 ? "," : ";")
        let whole = rows(of: [text], column, delimiter)
        let cut = text.isEmpty ? 0 : (choice >> 2) % (text.count + 1)
        let pieces = rows(of: [Array(text[..<cut]), Array(text[cut...])], column, delimiter)
        precondition(whole == pieces, "a cut at \(cut) changes what is read")
        return whole.refusal == nil && whole.ids > 0
    }

    private static func rows(of pieces: [[UInt8]], _ column: String?, _ delimiter: UInt8) -> RowDigest {
        var parser = CSVRowParser(column: column, delimiter: delimiter, header: .automatic, subject: "list.csv")
        let sink = RowSink()
        do throws(SourceError) {
            for piece in pieces {
                try piece.withUnsafeBufferPointer { (piece) throws(SourceError) in
                    try parser.consume(UnsafeRawBufferPointer(piece), into: sink)
                }
            }
            try parser.finish(into: sink)
        } catch {
            sink.digest.refusal = "\(error)"
        }
        return sink.digest
    }

    // MARK: - Configuration

    private static func readConfiguration(_ bytes: [UInt8]) -> Bool {
        do throws(ConfigurationError) {
            if bytes.first == 0xFF {
                _ = try DashboardFile(Array(bytes.dropFirst()), path: "dashboard.yaml")
            } else {
                _ = try Configuration.parse(bytes, file: "rollcall.yaml")
            }
            return true
        } catch {
            let lines = bytes.count { $0 == 0x0A || $0 == 0x0D } + 1
            for problem in error.problems {
                precondition(problem.line >= 1 && problem.line <= lines && problem.column >= 1, "\(problem)")
            }
            precondition(!error.description.isEmpty)
            return false
        }
    }

    // MARK: - Schedules

    private static let zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
        .compactMap { try? Zone.named($0) }

    /// The first two bytes choose zone and moment.
    private static func readSchedule(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 2, let zone = zones.isEmpty ? nil : zones[Int(bytes[0]) % zones.count] else { return false }
        let text = String(decoding: bytes[2...], as: UTF8.self)
        do throws(ScheduleError) {
            let schedule = try Schedule.parse(text)
            let moment = Instant(seconds: Int64(bytes[1]) * 8_000_000)
            var last = moment
            for fire in schedule.fires(after: moment, in: zone, limit: 3) {
                precondition(fire.nominal > last, "\(text) fires at \(fire.nominal), which is not after \(last)")
                last = fire.nominal
            }
            return true
        } catch {
            precondition(!error.message.isEmpty && error.column >= 0)
            return false
        }
    }

    // MARK: - Answers of servers

    /// Status, one header and a body of a receiver's answer; the body also as Amplitude's.
    private static func readAnswer(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 2 else { return false }
        let parts = bytes[2...].split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        let value = String(decoding: parts[0].filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
        let body = parts.count > 1 ? Array(parts[1]) : []
        let names = ["Retry-After", "X-RateLimit-Reset", "Content-Type", "Content-Encoding"]
        let statuses = [200, 202, 204, 301, 400, 401, 408, 413, 422, 429, 500, 503, 511, 599]
        var headers = HTTPHeaders()
        headers.append(names[Int(bytes[1]) % names.count], value)
        let answer = HTTPAnswer(
            status: statuses[Int(bytes[0]) % statuses.count], headers: headers, body: body)
        let outcome = SegmentRules.outcome(of: .answer(answer), now: Instant(seconds: 1_790_000_000))
        let isKnown = AmplitudeJSON.decode(CohortList.self, from: body) != nil
            || AmplitudeJSON.decode(DownloadJob.self, from: body) != nil
            || AmplitudeJSON.decode(UsageAnswer.self, from: body) != nil
        guard case .accepted = outcome else { return isKnown }
        precondition((200..<300).contains(answer.status), "\(answer.status) counts as accepted")
        return true
    }

    // MARK: - State files

    private static let scratch: String = {
        let folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        return "\(folder)/rollcall-fuzz-\(getpid())"
    }()

    /// The bytes are a file, whose checksums are made right when the first byte says so: what a hostile writer can do.
    private static func readStateFile(_ bytes: [UInt8]) -> Bool {
        let content = bytes.first.map { $0 & 1 == 1 } == true
            ? StateFileSeal.sealed(Array(bytes.dropFirst())) : Array(bytes.dropFirst())
        let path = scratch + "-\(pthread_self())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer {
            close(descriptor)
            unlink(path)
        }
        guard content.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == content.count else {
            return false
        }
        var isTaken = false
        do {
            let snapshot = try Snapshot.open(path)
            try snapshot.verify()
            var members = 0
            try snapshot.forEachMember { _ in members += 1 }
            precondition(members == snapshot.members, "\(members) members, the file says \(snapshot.members)")
            isTaken = true
        } catch {
            precondition(error is StateFileError, "\(error)")
        }
        do {
            let ledger = try Ledger.open(path, expecting: nil)
            try ledger.verify()
            try ledger.forEachMember { _ in }
            isTaken = true
        } catch {
            precondition(error is StateFileError, "\(error)")
        }
        do throws(StateFileError) {
            let plan = try Plan.open(path, expecting: nil)
            try plan.verify()
            _ = try plan.sample(3)
            isTaken = true
        } catch {
            precondition(!error.message.isEmpty)
        }
        return isTaken
    }

    // MARK: - Control

    /// A line that a client reads and a body that a server reads.
    private static func readControl(_ bytes: [UInt8]) -> Bool {
        var lines = EventLines()
        let notice = lines.notice(in: bytes[...])
        precondition(lines.notice(in: bytes[...]) == notice, "a line says something else the second time")
        let data = Data(bytes)
        let decoder = JSONDecoder()
        if let notice {
            let decoded = try? decoder.decode(ChangeNotice.self, from: data)
            precondition(decoded == notice, "two readers of one line disagree")
            return true
        }
        return (try? decoder.decode(SyncRequest.self, from: data)) != nil
            || (try? decoder.decode(ScheduleRequest.self, from: data)) != nil
            || (try? decoder.decode(RunRequest.self, from: data)) != nil
            || (try? decoder.decode(ChangeNotice.self, from: data)) != nil
    }
}

/// What a reading came to, small enough to be compared.
private struct RowDigest: Equatable {
    var ids = 0
    var nobodies = 0
    var unreadable = 0
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var refusal: String?
}

private final class RowSink: MemberRows {
    var digest = RowDigest()

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        digest.ids += 1
        mix(UInt64(position))
        for byte in id { mix(UInt64(byte)) }
    }

    func nobody(at position: Int) {
        digest.nobodies += 1
        mix(UInt64(position))
    }

    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {
        digest.unreadable += 1
        mix(UInt64(position))
    }

    // FNV-1a over what was reported.
    private func mix(_ value: UInt64) { digest.hash = (digest.hash ^ value) &* 0x100_0000_01B3 }
}
