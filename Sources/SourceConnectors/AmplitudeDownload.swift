import HTTPClient
import Scheduling
import SyncEngine

/// One cohort's file: requested, waited for, fetched. Every request costs a download of the month, so what can be tried
/// again without a new request is.
struct AmplitudeDownload {
    let calls: AmplitudeCalls
    let cohort: String
    /// Whether the list before the download has the cohort.
    let isListed: Bool
    let occasion: FetchOccasion

    /// The largest file as it comes over the wire: 2,000,000 users with the longest ids fit.
    static let fileLimit = 4 << 30
    /// The largest file once inflated.
    static let textLimit = 8 << 30
    /// A file that takes longer is given up, in milliseconds; one that stands still after a minute.
    static let fileDeadline = 3_600_000
    /// A job that takes longer is given up, in milliseconds.
    static let jobDeadline: Int64 = 3_600_000
    /// Requests of one fetch: the first, and more after failures that may pass.
    static let requests = 3

    /// How one request ended when it brought no file.
    private enum Ending: Error {
        /// A new request may work.
        case again(AmplitudeVerdict)
        case over(SourceError)
    }

    /// Fills `file`, and says when the file was requested.
    func fill(_ file: ReceivedFile) throws(SourceError) -> Instant {
        var attempt = 0
        while true {
            attempt += 1
            do throws(Ending) {
                return try fillOnce(file)
            } catch {
                switch error {
                case .over(let failure): throw failure
                case .again(.gone(let reason)):
                    // Once anew, unless the list does not know the cohort either.
                    guard attempt < 2, isListed else { throw gone(reason) }
                    try calls.pause(after: 0, .gone(reason))
                case .again(let verdict):
                    guard attempt < Self.requests else {
                        throw calls.failure(verdict, what: "the download of \(shown)")
                    }
                    try calls.pause(after: attempt, verdict)
                }
            }
        }
    }

    private var shown: String { "cohort \(PrintableText.from(cohort, limit: 200))" }

    private func gone(_ reason: String) -> SourceError {
        isListed ? .unavailable("\(shown): \(reason)")
            : .misconfigured("\(shown) is no longer in Amplitude, or never was: \(reason); nothing is sent for it")
    }

    private func fillOnce(_ file: ReceivedFile) throws(Ending) -> Instant {
        let call = DownloadCall.download(isManual: occasion == .manual)
        let requested: Instant
        do throws(SourceError) {
            requested = try calls.enter(call, cohort: cohort)
        } catch {
            throw .over(error)
        }
        defer { calls.leave(call) }
        let job = try request(requested)
        try waitUntilReady(job)
        calls.progress("the file is coming")
        try fetch(job, into: file)
        return requested
    }

    // MARK: - Request

    /// Asks for the file and returns the request's id.
    private func request(_ requested: Instant) throws(Ending) -> String {
        guard let segment = PathSegment.escape(cohort) else {
            throw .over(.misconfigured("\(shown) has an id that no cohort of Amplitude can have"))
        }
        var request = calls.project.request("api/5/cohorts/request/\(segment)")
        request.deadlineMilliseconds = 60_000
        let exchange = calls.exchange(request)
        let verdict = AmplitudeRules.verdict(of: exchange, project: calls.project)
        switch verdict {
        case .answered: break
        case .limited, .keysRefused, .spent: calls.takeBack(requested)
        case .retry, .refused:
            if case .failure(let failure) = exchange, failure.stage == .notSent { calls.takeBack(requested) }
        case .gone: break
        }
        if calls.stop.isRaised { throw .over(.stopped) }
        guard case .answer(let answer) = exchange, verdict == .answered else { throw ending(verdict, "the request") }
        guard answer.status == 202 || answer.status == 200,
            let id = AmplitudeJSON.decode(DownloadJob.self, from: answer.body)?.request_id,
            let escaped = PathSegment.escape(id)
        else {
            throw .over(.unavailable(
                "\(shown): Amplitude answered \(answer.status) without a request's id: "
                    + calls.project.quote(answer.body)))
        }
        return escaped
    }

    private func ending(_ verdict: AmplitudeVerdict, _ what: String) -> Ending {
        switch verdict {
        case .retry, .limited, .gone: .again(verdict)
        default: .over(calls.failure(verdict, what: "\(what) of \(shown)"))
        }
    }

    // MARK: - Wait

    private func waitUntilReady(_ job: String) throws(Ending) {
        let clock = calls.account.clock
        let deadline = clock.monotonic() + Self.jobDeadline
        var request = calls.project.request("api/5/cohorts/request-status/\(job)")
        request.deadlineMilliseconds = 60_000
        var polls = 0
        var failures = 0
        calls.progress(
            "waiting for Amplitude to prepare the file, until \(calls.time(after: Self.jobDeadline)) at the latest")
        while clock.monotonic() < deadline {
            try waiting { () throws(SourceError) in
                try calls.account.wait(milliseconds: AmplitudeRules.pollPause(after: polls), stop: calls.stop)
            }
            polls += 1
            let exchange = calls.exchange(request)
            let verdict = AmplitudeRules.verdict(of: exchange, project: calls.project)
            switch verdict {
            case .answered:
                failures = 0
                if case .answer(let answer) = exchange, try isReady(answer) { return }
            case .retry, .limited:
                failures += 1
                guard failures < AmplitudeRules.attempts else { throw ending(verdict, "the preparation") }
                let failed = failures - 1
                try waiting { () throws(SourceError) in try calls.pause(after: failed, verdict) }
            default: throw ending(verdict, "the preparation")
            }
        }
        throw .over(.unavailable("\(shown) was not ready within \(Self.jobDeadline / 60_000) minutes"))
    }

    private func isReady(_ answer: HTTPAnswer) throws(Ending) -> Bool {
        let status = AmplitudeJSON.decode(DownloadJob.self, from: answer.body)?.async_status
        if answer.status == 202, status == "JOB INPROGRESS" { return false }
        if answer.status == 200, status == "JOB COMPLETED" { return true }
        throw .over(.unavailable(
            "\(shown): Amplitude answered \(answer.status) with the state \(PrintableText.from(status ?? "none", limit: 64)), "
                + "which is neither under way nor completed"))
    }

    private func waiting(_ body: () throws(SourceError) -> Void) throws(Ending) {
        do throws(SourceError) {
            try body()
        } catch {
            throw .over(error)
        }
    }

    // MARK: - Fetch

    /// The file itself, or where it lies. A link to another host lives for a minute; asking again gives a new one.
    private func fetch(_ job: String, into file: ReceivedFile) throws(Ending) {
        var failed = 0
        while true {
            let verdict = try fetchOnce(job, into: file)
            guard let verdict else { return }
            if calls.stop.isRaised { throw .over(.stopped) }
            switch verdict {
            case .retry, .limited: failed += 1
            default: throw ending(verdict, "the file")
            }
            guard failed < AmplitudeRules.attempts else { throw .over(calls.failure(verdict, what: "the file of \(shown)")) }
            let attempt = failed - 1
            try waiting { () throws(SourceError) in try calls.pause(after: attempt, verdict) }
        }
    }

    /// Nil once the file is there and proved whole.
    private func fetchOnce(_ job: String, into file: ReceivedFile) throws(Ending) -> AmplitudeVerdict? {
        let first = try receive(streamed(calls.project.request("api/5/cohorts/request/\(job)/file"), file), into: file)
        guard case .success(let answer) = first else { return first.verdict }
        guard (300..<400).contains(answer.status) else { return try judge(answer, file) }
        switch AmplitudeRules.target(ofLocation: answer.headers["Location"], from: calls.project.endpoint) {
        case .failure(let refusal):
            throw .over(.unavailable("the redirect to the file of \(shown) is not followed: \(refusal.reason)"))
        case .success(let target):
            // A fresh request without the keys: they are the endpoint's alone, and a signed link refuses them.
            var request = HTTPRequest(url: target.text)
            request.isCancellable = true
            // What the target's name resolves to is not the answer's to choose; the rules above name the one exception.
            request.isForeign = !target.isLoopback
            let second = try receive(streamed(request, file), into: file)
            switch second {
            case .success(let answer) where (300..<400).contains(answer.status):
                throw .over(.unavailable("the link to the file of \(shown) leads on to another place; not followed"))
            case .success(let answer): return try judge(answer, file)
            // The link may have run out; the next attempt asks for a new one.
            case .failure(.refused(let reason)), .failure(.gone(let reason)), .failure(.keysRefused(let reason)):
                return .retry(reason)
            case .failure(let verdict): return verdict
            }
        }
    }

    private func streamed(_ request: HTTPRequest, _ file: ReceivedFile) -> HTTPRequest {
        var request = request
        request.headers.removeAll { $0.name == "Accept" }
        // Whatever is sent is recognised by its first bytes, not by what the answer calls it.
        request.headers.append((name: "Accept-Encoding", value: "gzip"))
        request.deadlineMilliseconds = Self.fileDeadline
        request.stallSeconds = 60
        request.sink = { _, chunk in file.append(chunk) }
        return request
    }

    private enum Received: Sendable {
        case success(HTTPAnswer)
        case failure(AmplitudeVerdict)

        var verdict: AmplitudeVerdict {
            if case .failure(let verdict) = self { verdict } else { .answered }
        }
    }

    private func receive(_ request: HTTPRequest, into file: ReceivedFile) throws(Ending) -> Received {
        try waiting { () throws(SourceError) in try file.startAgain() }
        let exchange = calls.exchange(request)
        if let complaint = file.complaint { throw .over(complaint) }
        // An address that must not be asked is not asked again.
        if case .failure(let failure) = exchange, failure.isInvalidRequest {
            throw .over(.unavailable("the file of \(shown) is not fetched: \(failure.reason)"))
        }
        let verdict = AmplitudeRules.verdict(of: exchange, project: calls.project)
        guard verdict == .answered, case .answer(let answer) = exchange else { return .failure(verdict) }
        return .success(answer)
    }

    /// Whether the answer proves that the file is whole: by its length, by its chunks, or by gzip's own end.
    private func judge(_ answer: HTTPAnswer, _ file: ReceivedFile) throws(Ending) -> AmplitudeVerdict? {
        guard answer.status == 200 else {
            throw .over(.unavailable("the file of \(shown): Amplitude answered \(answer.status)"))
        }
        let isChunked = answer.headers["Transfer-Encoding"]?.lowercased() == "chunked"
        guard answer.headers["Content-Length"] != nil || isChunked || file.isGzip else {
            return .retry("the file has neither a length nor an end of its own, so nobody knows whether it is whole")
        }
        return nil
    }
}
