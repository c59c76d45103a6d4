import FlyingFox
import Foundation
import Synchronization

/// What the stand-in knows, and what it answers.
final class StandInState: Sendable {
    private struct Job {
        var cohort: String
        var rows: Int
        var csv: [UInt8]
        var readyAt: Int64
    }

    private struct Facts {
        var cohorts: [StandInCohort]
        var jobs: [String: Job] = [:]
        /// Signed links: which job, and until when.
        var links: [String: (job: String, until: Int64)] = [:]
        var faults: [StandInCall: [StandInFault]] = [:]
        var requests: [StandInRequest] = []
        var starts: [Int64] = []
        var used: Int
        var underWay = 0
        var violations: [String] = []
        var next = 0
    }

    /// A signed link lives this long, and a job's file, in milliseconds.
    private static let linkLife: Int64 = 60_000
    private static let fileLife: Int64 = 7 * 86_400_000

    private let settings: StandInSettings
    private let facts: Mutex<Facts>

    init(_ settings: StandInSettings, cohorts: [StandInCohort]) {
        self.settings = settings
        facts = Mutex(Facts(cohorts: cohorts, used: settings.used))
    }

    func put(_ cohort: StandInCohort) {
        facts.withLock { facts in
            facts.cohorts.removeAll { $0.id == cohort.id }
            facts.cohorts.append(cohort)
        }
    }

    func change(_ id: String, _ body: (inout StandInCohort) -> Void) {
        facts.withLock { facts in
            for index in facts.cohorts.indices where facts.cohorts[index].id == id { body(&facts.cohorts[index]) }
        }
    }

    func delete(_ id: String) { facts.withLock { $0.cohorts.removeAll { $0.id == id } } }
    func script(_ call: StandInCall, _ faults: [StandInFault]) { facts.withLock { $0.faults[call, default: []] += faults } }
    var requests: [StandInRequest] { facts.withLock { $0.requests } }
    var downloads: Int { facts.withLock { $0.starts.count } }
    var violations: [String] { facts.withLock { $0.violations } }

    // MARK: - The API

    func answer(_ request: HTTPRequest, filesAt files: String) async -> HTTPResponse {
        let parts = request.path.split(separator: "/").map(String.init)
        let call: StandInCall? =
            switch (parts.count, parts.dropFirst(2).first, parts.dropFirst(3).first) {
            case (3, "cohorts", nil): .list
            case (4, "cohorts", "usage"): .usage
            case (5, "cohorts", "request"): .request
            case (5, "cohorts", "request-status"): .poll
            case (6, "cohorts", "request"): .file
            default: nil
            }
        let tooMany = facts.withLock { facts in
            facts.underWay += 1
            guard facts.underWay > settings.concurrent else { return false }
            facts.violations.append("\(facts.underWay) calls at a time")
            return true
        }
        let response = tooMany ? failure(429, "too many concurrent requests")
            : await answer(call, parts, request, files)
        facts.withLock { $0.underWay -= 1 }
        note(call, request, response)
        return response
    }

    private func answer(
        _ call: StandInCall?, _ parts: [String], _ request: HTTPRequest, _ files: String
    ) async -> HTTPResponse {
        let expected = Data("\(settings.apiKey):\(settings.secretKey)".utf8).base64EncodedString()
        guard request.headers[.authorization] == "Basic " + expected else { return failure(403, "invalid credentials") }
        guard let call, request.method == .GET else { return failure(404, "no such path") }
        let fault = take(call)
        if let response = response(to: fault) { return response }
        switch call {
        case .list: return await list()
        case .usage: return usage()
        case .request: return await start(parts[4], fault)
        case .poll: return poll(parts[4], fault)
        case .file: return file(parts[4], fault, files)
        case .link: return failure(404, "no such path")
        }
    }

    private func take(_ call: StandInCall) -> StandInFault? {
        facts.withLock { facts in
            guard let faults = facts.faults[call], !faults.isEmpty else { return nil }
            return facts.faults[call]?.removeFirst()
        }
    }

    /// The answer of a fault that takes the whole answer's place.
    private func response(to fault: StandInFault?) -> HTTPResponse? {
        switch fault {
        case .status(let status, let body):
            HTTPResponse(statusCode: HTTPStatusCode(status, phrase: "scripted"), body: Data(body.utf8))
        case .redirect(let place):
            HTTPResponse(statusCode: .found, headers: HTTPHeaders([.location: place]))
        case .garbage(let text):
            HTTPResponse(statusCode: .ok, body: Data(text.utf8))
        default: nil
        }
    }

    private func note(_ call: StandInCall?, _ request: HTTPRequest, _ response: HTTPResponse) {
        let seen = StandInRequest(
            call: call, path: request.path, hasAuthorization: request.headers[.authorization] != nil,
            status: response.statusCode.code, at: settings.clock())
        facts.withLock { facts in
            facts.requests.append(seen)
            if facts.requests.count > 100_000 { facts.requests.removeFirst(50_000) }
        }
    }

    private func list() async -> HTTPResponse {
        var entries: [[String: Any]] = []
        for cohort in facts.withLock({ $0.cohorts }) {
            var entry: [String: Any] = [
                "appId": 123_456, "id": cohort.id, "name": cohort.name, "published": true,
                "archived": cohort.isArchived, "hidden": false, "finished": true, "description": NSNull(),
                "definition": ["version": 3, "countGroup": ["name": cohort.countGroup, "is_computed": false]],
            ]
            if let size = cohort.size {
                entry["size"] = size
            } else if let members = try? await cohort.members() {
                entry["size"] = members.count
            }
            // Computed every time somebody looks, unless a test says otherwise.
            entry["lastComputed"] = cohort.lastComputed ?? settings.clock() / 1000
            entries.append(entry)
        }
        return json(["cohorts": entries])
    }

    private func usage() -> HTTPResponse {
        guard settings.tellsUsage else { return failure(404, "no such path") }
        let used = facts.withLock { $0.used }
        return json(["rest_download": ["limit": settings.quota, "usage": used]])
    }

    private func start(_ id: String, _ fault: StandInFault?) async -> HTTPResponse {
        guard let cohort = facts.withLock({ $0.cohorts.first { $0.id == id } }) else {
            return failure(404, "cohort not found")
        }
        if let limit = spend() { return failure(429, limit) }
        guard var members = try? await cohort.members() else { return failure(500, "the members cannot be read") }
        if case .rowsMissing(let count) = fault { members.removeLast(min(count, members.count)) }
        let csv = Self.csv(members)
        let name = facts.withLock { facts in
            facts.next += 1
            let name = "job-\(facts.next)"
            facts.jobs[name] = Job(
                cohort: id, rows: members.count, csv: csv, readyAt: settings.clock() + settings.jobMilliseconds)
            if facts.jobs.count > 200 { facts.jobs["job-\(facts.next - 200)"] = nil }
            return name
        }
        return json(["request_id": name, "cohort_id": id], status: .accepted)
    }

    /// Counts a download; the limit that it would exceed, otherwise.
    private func spend() -> String? {
        let now = settings.clock()
        return facts.withLock { facts in
            func refuse(_ reason: String) -> String {
                facts.violations.append(reason)
                return reason
            }
            if facts.used >= settings.quota { return refuse("monthly quota exceeded") }
            if facts.starts.count(where: { $0 > now - 600_000 }) >= settings.perTenMinutes {
                return refuse("more than \(settings.perTenMinutes) downloads in ten minutes")
            }
            if facts.starts.count(where: { $0 > now - 60_000 }) >= settings.perMinute {
                return refuse("more than \(settings.perMinute) downloads in a minute")
            }
            facts.used += 1
            facts.starts.append(now)
            return nil
        }
    }

    private func poll(_ id: String, _ fault: StandInFault?) -> HTTPResponse {
        guard let job = facts.withLock({ $0.jobs[id] }) else { return failure(404, "request not found") }
        if case .state(let text) = fault { return json(["request_id": id, "async_status": text]) }
        let isReady = settings.clock() >= job.readyAt
        return json(
            [
                "request_id": id, "cohort_id": job.cohort,
                "async_status": isReady ? "JOB COMPLETED" : "JOB INPROGRESS",
            ], status: isReady ? .ok : .accepted)
    }

    private func file(_ id: String, _ fault: StandInFault?, _ files: String) -> HTTPResponse {
        let now = settings.clock()
        guard let job = facts.withLock({ $0.jobs[id] }), now >= job.readyAt, now < job.readyAt + Self.fileLife else {
            return failure(404, "request not found")
        }
        guard job.rows > settings.redirectAbove else { return body(of: job, fault) }
        let token = "\(id)-\(UInt64.random(in: .min ... .max))"
        facts.withLock { $0.links[token] = (id, now + Self.linkLife) }
        return HTTPResponse(
            statusCode: .found, headers: HTTPHeaders([.location: "\(files)/bucket/\(token)?X-Signature=abc"]))
    }

    // MARK: - The second port

    /// Answers as S3 does for a signed link: one way of proving who asks, and not a minute too late.
    func link(_ request: HTTPRequest) async -> HTTPResponse {
        let response = linked(request)
        note(.link, request, response)
        return response
    }

    private func linked(_ request: HTTPRequest) -> HTTPResponse {
        guard request.headers[.authorization] == nil else {
            return failure(400, "Only one auth mechanism allowed")
        }
        let token = request.path.split(separator: "/").last.map(String.init) ?? ""
        let now = settings.clock()
        let found = facts.withLock { facts -> (Job?, Bool) in
            guard let link = facts.links[token] else { return (nil, false) }
            return (facts.jobs[link.job], link.until > now)
        }
        let fault = take(.link)
        if let response = response(to: fault) { return response }
        guard let job = found.0, found.1 else { return failure(403, "Request has expired") }
        return body(of: job, fault)
    }

    private func body(of job: Job, _ fault: StandInFault?) -> HTTPResponse {
        var bytes = settings.compresses ? GzipText.compress(job.csv) : job.csv
        if case .half = fault { bytes.removeLast(bytes.count / 2) }
        var headers: HTTPHeaders = [.contentType: "text/csv"]
        if settings.compresses { headers[HTTPHeader("Content-Encoding")] = "gzip" }
        return HTTPResponse(
            statusCode: .ok, headers: headers,
            body: HTTPBodySequence(data: Data(bytes), suggestedBufferSize: 256 << 10))
    }

    // MARK: - Words

    private static func csv(_ members: [String]) -> [UInt8] {
        var text = Array("\"amplitude_id\",\"user_id\"\n".utf8)
        text.reserveCapacity(members.count * 36)
        for (index, member) in members.enumerated() {
            text.append(UInt8(ascii: "\""))
            text += String(356_896_327_775 + index).utf8
            text += "\",\"".utf8
            for byte in member.utf8 {
                if byte == UInt8(ascii: "\"") { text.append(byte) }
                text.append(byte)
            }
            text += "\"\n".utf8
        }
        return text
    }

    private func json(_ object: [String: Any], status: HTTPStatusCode = .ok) -> HTTPResponse {
        let data = (try? JSONSerialization.data(withJSONObject: object)) ?? Data("{}".utf8)
        return HTTPResponse(statusCode: status, headers: [.contentType: "application/json"], body: data)
    }

    private func failure(_ status: Int, _ message: String) -> HTTPResponse {
        json(
            ["error": ["http_code": status, "type": "invalid", "message": message]],
            status: HTTPStatusCode(status, phrase: "refused"))
    }
}
