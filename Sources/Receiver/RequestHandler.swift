import FlyingFox
import FlyingSocks
import Foundation
import Glibc

/// Answers what comes in over HTTP as Segment does, and as the fault script wants it.
struct RequestHandler: HTTPHandler {
    let settings: ReceiverSettings
    /// The port it listens on.
    let port: UInt16
    let journal: ReceiverJournal
    let store: ReceiverStore
    let onEvent: (@Sendable (ReceiverEvent) -> Void)?

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        if let route = Route(path: request.path), request.method == .POST {
            return await post(request, route)
        }
        return await other(request).adding("Access-Control-Allow-Origin", "*")
            .response(withoutBody: request.method == .HEAD)
    }

    /// Everything but messages.
    private func other(_ request: HTTPRequest) async -> Answer {
        let isKnown = Route(path: request.path) != nil
        let isHealth = request.path == "/health"
        // A body that nobody asked for must not be taken for the next request.
        if case .complete = await BodyReader.read(request.bodySequence, limit: BodyReader.drainedBytes) {} else {
            var answer = Answer.failure(400, "bad body")
            answer.closes = true
            return answer
        }
        switch request.method {
        case .OPTIONS where isKnown || isHealth || request.path == "*":
            // What a browser asks before it posts to another origin.
            return Answer(204, json: "")
                .adding("Allow", "POST, OPTIONS")
                .adding("Access-Control-Allow-Methods", "POST, OPTIONS")
                .adding("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding, X-Retry-Count")
        case .GET where isHealth, .HEAD where isHealth:
            return Answer(200, json: #"{"status":"ok"}"#)
        case _ where isKnown:
            return Answer.failure(405, "post messages here", code: "method_not_allowed")
                .adding("Allow", "POST, OPTIONS")
        case _ where isHealth:
            return Answer.failure(405, "get this", code: "method_not_allowed").adding("Allow", "GET, HEAD, OPTIONS")
        default:
            return Answer.failure(404, "no such path", code: "not_found")
        }
    }

    // MARK: - Messages

    /// A post on its way to its answer.
    private struct Post {
        var record: RequestRecord
        var reports = ReportList()
        var incoming: IncomingRequest?
        /// What it deserves, when that is not success.
        var refusal: Answer?
    }

    private func post(_ request: HTTPRequest, _ route: Route) async -> HTTPResponse {
        var post = Post(record: RequestRecord(
            number: journal.enter(), receivedAt: settings.clock?() ?? Self.now, path: request.path))
        defer { journal.leave() }
        if request.headers[HTTPHeader("Expect")]?.lowercased().contains("100-continue") ?? false {
            ConnectionSocket(from: request.remoteAddress, to: port)?.sendContinue()
        }
        await read(request, route, &post)
        authorize(request, &post)
        post.record.retryCount = request.headers[HTTPHeader("X-Retry-Count")].flatMap { Int($0) }

        let incoming = post.incoming
        let decision = journal.decide(now: Self.steadyNow) { incoming?.names($0) ?? false }
        post.record.fault = decision.rules
        if decision.delayMilliseconds > 0 { try? await Task.sleep(for: .milliseconds(decision.delayMilliseconds)) }
        let answer = await settle(&post, decision)
        guard let answer else {
            await end(request, decision.action)
            return Answer.none
        }
        return answer.adding("Retry-After", decision.retryAfter).adding("Access-Control-Allow-Origin", "*").response()
    }

    /// Reads and judges the body.
    private func read(_ request: HTTPRequest, _ route: Route, _ post: inout Post) async {
        let limit = settings.limits.requestBytes
        switch await BodyReader.read(request.bodySequence, limit: limit) {
        case .broken:
            post.refusal = .refusal(.malformedJSON)
            post.refusal?.closes = true
            post.reports.add(.malformedJSON, detail: "the body broke off")
        case .tooLarge(let bytes, let isDrained):
            post.record.wireBytes = bytes
            post.refusal = .refusal(.tooLarge)
            post.refusal?.closes = !isDrained
            post.reports.add(.requestTooLarge, detail: "\(bytes) bytes, and \(limit) is the limit")
        case .complete(let body):
            post.record.wireBytes = body.count
            if let text = decode(body, request, &post) { parse(text, route, &post) }
        }
    }

    /// The JSON text in the body.
    private func decode(_ body: [UInt8], _ request: HTTPRequest, _ post: inout Post) -> [UInt8]? {
        let limit = settings.limits.requestBytes
        switch request.headers[HTTPHeader("Content-Encoding")]?.lowercased() {
        case nil, "", "identity":
            return body
        case "gzip", "x-gzip", "deflate":
            do throws(Gunzip.Failure) {
                return try Gunzip.inflate(body, limit: limit)
            } catch {
                switch error {
                case .damaged:
                    post.refusal = .refusal(.malformedJSON)
                    post.reports.add(.malformedJSON, detail: "the body says it is compressed, but cannot be inflated")
                case .tooLarge:
                    post.refusal = .refusal(.tooLarge)
                    post.reports.add(.requestTooLarge, detail: "inflates to more than the limit of \(limit) bytes")
                }
                return nil
            }
        case let encoding?:
            post.refusal = .refusal(.malformedJSON)
            post.reports.add(.unknownEncoding, detail: "Content-Encoding “\(encoding)”; gzip is known")
            return nil
        }
    }

    private func parse(_ text: [UInt8], _ route: Route, _ post: inout Post) {
        post.record.bytes = text.count
        do throws(JSONFault) {
            let incoming = try IncomingRequest(text, route: route, limits: settings.limits)
            post.refusal = incoming.refusal.map { .refusal($0) }
            post.reports.add(incoming.reports)
            post.record.items = incoming.items
            post.record.firstMessageID = incoming.firstMessageID
            post.record.lastMessageID = incoming.lastMessageID
            post.incoming = incoming
        } catch {
            post.refusal = .refusal(.malformedJSON)
            post.reports.add(.malformedJSON, detail: "byte \(error.position + 1): \(error.problem.rawValue)")
        }
    }

    private func authorize(_ request: HTTPRequest, _ post: inout Post) {
        var key = post.incoming?.writeKey
        if let header = request.headers[.authorization] {
            post.record.hasAuthorization = true
            switch Authorization(header) {
            case .key(let basic): key = basic
            case .bearer: break
            case .malformed:
                post.reports.add(.badAuthorization, detail: "Authorization is not Basic with base64 of “key:”")
            }
        }
        if key?.isEmpty ?? true, post.incoming != nil {
            post.reports.add(.noWriteKey, detail: "no write key in the header, none in the body")
        }
        guard let known = settings.writeKeys else { return }
        if !known.contains(where: { $0.utf8.elementsEqual(key ?? []) }) {
            post.refusal = .failure(401, "invalid write key", code: "unauthorized")
            post.reports.add(.unknownWriteKey, detail: "the write key is none of those this receiver knows")
        }
    }

    // MARK: - Outcome

    /// Stores what is to be stored, and notes the request.
    ///
    /// - Returns: the answer; nil when there is none.
    private func settle(_ post: inout Post, _ decision: FaultDecision) async -> Answer? {
        var answer = post.refusal ?? .success
        if let action = decision.action {
            let closes = answer.closes
            guard var rehearsed = Answer.rehearsed(action) else {
                await note(&post, status: nil, stores: decision.keepsMessages)
                return nil
            }
            rehearsed.closes = closes
            answer = rehearsed
        }
        let isStored = await note(&post, status: answer.status, stores: decision.keepsMessages)
        guard isStored else { return .failure(500, "the store failed", code: "store_failed") }
        return answer
    }

    /// - Returns: whether the store took it.
    @discardableResult
    private func note(_ post: inout Post, status: Int?, stores: Bool) async -> Bool {
        post.record.status = status
        // A refused request stores nothing; one that a fault fails stores only what the rule says.
        let messages = post.refusal == nil && stores ? post.incoming : nil
        if messages != nil { post.record.dropped = post.reports.droppedMessages }
        var reports: [Report] = []
        var isStored = true
        do throws(ReceiverError) {
            (post.record, reports) = try await store.write(
                messages, post.record, post.reports, logs: settings.logsRequests)
        } catch {
            isStored = false
            post.record.status = status == nil ? nil : 500
            post.record.dropped = 0
            reports = post.reports.numbered(post.record.number)
            onEvent?(.storeFailed(error.description))
        }
        journal.note(post.record, reports)
        if let onEvent {
            onEvent(.answered(post.record))
            for report in reports { onEvent(.reported(report)) }
        }
        return isStored
    }

    /// Does what is left to do when there is no answer.
    private func end(_ request: HTTPRequest, _ action: FaultAction?) async {
        switch action {
        case .reset: ConnectionSocket(from: request.remoteAddress, to: port)?.resetOnClose()
        case .silence(let milliseconds): try? await Task.sleep(for: .milliseconds(milliseconds))
        default: break
        }
    }

    // MARK: - Clocks

    /// Milliseconds since 1970.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Milliseconds of a clock that nobody sets.
    static var steadyNow: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
