import HTTPClient
import Scheduling
import SyncEngine

/// Makes single calls to Amplitude: within the account's limits, tried again where that can help, on the thread of the
/// fetch that wants them.
struct AmplitudeCalls {
    let project: AmplitudeProject
    let account: AmplitudeAccount
    let transport: any HTTPTransport
    let stop: StopFlag
    /// Told what is waited for, and until when.
    let progress: @Sendable (String) -> Void

    /// The largest list that is read: definitions of cohorts can be long.
    private static let listLimit = 64 << 20
    /// How often the flag is looked at while a request is on the wire, in nanoseconds.
    private static let watchInterval: UInt64 = 100_000_000

    // MARK: - Calls that cost nothing

    func list() throws(SourceError) -> CohortList {
        var request = project.request("api/3/cohorts")
        request.deadlineMilliseconds = 120_000
        request.bodyLimit = Self.listLimit
        let answer = try look(request, what: "the list of cohorts")
        guard answer.status == 200, let list = AmplitudeJSON.decode(CohortList.self, from: answer.body) else {
            throw .unavailable(
                "Amplitude's list of cohorts cannot be read (status \(answer.status)): \(project.quote(answer.body))")
        }
        account.accepted()
        return list
    }

    /// What the account says of its month; nil when it does not say.
    func usage() throws(SourceError) -> QuotaReading? {
        _ = try enter(.look, cohort: "")
        defer { leave(.look) }
        guard case .answer(let answer) = exchange(project.request("api/3/cohorts/usage")), answer.status == 200 else {
            if stop.isRaised { throw .stopped }
            return nil
        }
        return AmplitudeJSON.decode(UsageAnswer.self, from: answer.body)?.reading(at: account.clock.now())
    }

    private func look(_ request: HTTPRequest, what: String) throws(SourceError) -> HTTPAnswer {
        _ = try enter(.look, cohort: "")
        defer { leave(.look) }
        return try answered(request, what: what)
    }

    // MARK: - One call

    /// An answer of 2xx or 3xx; tries again what may pass and waits where a limit was hit.
    func answered(_ request: HTTPRequest, what: String) throws(SourceError) -> HTTPAnswer {
        var attempt = 0
        while true {
            let exchange = exchange(request)
            if stop.isRaised { throw .stopped }
            let verdict = AmplitudeRules.verdict(of: exchange, project: project)
            switch verdict {
            case .answered:
                if case .answer(let answer) = exchange { return answer }
                throw .unavailable("\(what): no answer")
            case .retry(let reason), .limited(let reason):
                attempt += 1
                guard attempt < AmplitudeRules.attempts else {
                    throw .unavailable("\(what): \(reason); given up after \(attempt) attempts")
                }
                try pause(after: attempt - 1, verdict)
            case .gone(let reason): throw .misconfigured("\(what): \(reason)")
            default: throw failure(verdict, what: what)
            }
        }
    }

    /// What a verdict that ends the fetch is to the engine. Refused keys are remembered.
    func failure(_ verdict: AmplitudeVerdict, what: String) -> SourceError {
        switch verdict {
        case .keysRefused(let reason):
            account.refuse(reason, project)
            return .misconfigured(reason)
        case .refused(let reason), .gone(let reason): return .misconfigured("\(what): \(reason)")
        case .spent(let reason), .retry(let reason), .limited(let reason): return .unavailable("\(what): \(reason)")
        case .answered: return .unavailable("\(what): an answer of another kind than expected")
        }
    }

    /// Waits before the next attempt; where a limit was hit everybody does.
    func pause(after attempt: Int, _ verdict: AmplitudeVerdict) throws(SourceError) {
        let draw = UInt64.random(in: .min ... .max)
        guard case .limited = verdict else {
            return try account.wait(milliseconds: AmplitudeRules.pause(after: attempt, draw: draw), stop: stop)
        }
        let retreat = AmplitudeRules.retreat(after: attempt, draw: draw)
        progress("waiting because Amplitude said that a limit was hit, until \(time(after: retreat))")
        BlockingThread.wait { [gate = account.gate] in await gate.pushBack(milliseconds: retreat) }
        try account.wait(milliseconds: retreat, stop: stop)
    }

    /// The civil time so many milliseconds from now.
    func time(after milliseconds: Int64) -> String {
        account.clock.now().advanced(milliseconds: milliseconds).rfc3339Seconds
    }

    /// One exchange; a raised flag aborts it.
    func exchange(_ request: HTTPRequest) -> HTTPExchange {
        BlockingThread.wait { [transport, stop] in
            let task = Task { await transport.exchange(request) }
            let watcher = Task {
                while !Task.isCancelled {
                    if stop.isRaised { return task.cancel() }
                    try? await Task.sleep(nanoseconds: Self.watchInterval)
                }
            }
            defer { watcher.cancel() }
            return await task.value
        }
    }

    // MARK: - Limits

    func enter(_ call: DownloadCall, cohort: String) throws(SourceError) -> Instant {
        let result: Result<Instant, DownloadRefusal> = BlockingThread.wait { [gate = account.gate, stop, progress] in
            do throws(DownloadRefusal) {
                return .success(try await gate.enter(call, cohort: cohort, stop: stop, progress: progress))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let instant): return instant
        case .failure(.spent(let sentence)), .failure(.storage(let sentence)): throw .unavailable(sentence)
        case .failure(.stopped): throw .stopped
        }
    }

    func leave(_ call: DownloadCall) {
        BlockingThread.wait { [gate = account.gate] in await gate.leave(call) }
    }

    func takeBack(_ requested: Instant) {
        BlockingThread.wait { [gate = account.gate] in await gate.takeBack(requested) }
    }
}
