import HTTPClient
import SyncEngine

/// What one answer of Amplitude means for the call it answers. Pure.
enum AmplitudeVerdict: Equatable {
    /// A status of 2xx or 3xx, to be looked at by whoever made the call.
    case answered
    /// May work when it is tried again.
    case retry(String)
    /// A limit was hit: nobody calls for a while.
    case limited(String)
    /// The month's downloads are gone, says Amplitude.
    case spent(String)
    /// There is no such cohort or request, or the link is too old.
    case gone(String)
    /// Wrong keys, missing permission or wrong region.
    case keysRefused(String)
    /// It will be refused again unless something changes.
    case refused(String)
}

/// The error table of https://amplitude.com/docs/apis/analytics/behavioral-cohorts, and how long to wait.
enum AmplitudeRules {
    /// Attempts of one call before its run fails.
    static let attempts = 5

    static func verdict(of exchange: HTTPExchange, project: AmplitudeProject) -> AmplitudeVerdict {
        switch exchange {
        case .failure(let failure) where failure.isCertificateProblem || failure.isInvalidRequest:
            return .refused(failure.reason)
        case .failure(let failure):
            return .retry(failure.reason)
        case .answer(let answer):
            return verdict(of: answer, words: project.quote(answer.body))
        }
    }

    private static func verdict(of answer: HTTPAnswer, words: String) -> AmplitudeVerdict {
        let said = words.isEmpty ? "Amplitude answered \(answer.status)" : "Amplitude answered \(answer.status): \(words)"
        switch answer.status {
        case 200..<400: return .answered
        case 401, 403:
            return .keysRefused(
                "\(said); the keys, their permission or the region do not match the project. Nothing is asked again "
                    + "until the configuration changes or somebody syncs by hand")
        case 404, 410: return .gone(said)
        case 429: return saysMonth(words) ? .spent(said) : .limited(said)
        case 408, 500...: return .retry(said)
        default: return .refused(said)
        }
    }

    private static func saysMonth(_ words: String) -> Bool {
        let text = words.lowercased()
        return text.contains("month") || text.contains("quota")
    }

    /// Milliseconds before the next attempt: 2 s, 4 s, … 32 s, each up to a half longer.
    /// - Parameters:
    ///   - attempt: 0 after the first.
    ///   - draw: a random number.
    static func pause(after attempt: Int, draw: UInt64) -> Int64 {
        let base = Int64(2_000) << Int64(min(max(0, attempt), 4))
        return base + Int64(draw % UInt64(base / 2))
    }

    /// Milliseconds after a limit was hit: a minute, two, four, at most ten, each up to a half longer.
    static func retreat(after attempt: Int, draw: UInt64) -> Int64 {
        let base = min(Int64(60_000) << Int64(min(max(0, attempt), 4)), 600_000)
        return base + Int64(draw % UInt64(base / 2))
    }

    /// Milliseconds before a download is asked about: 2 s at first, half longer each time, at most 15 s.
    static func pollPause(after polls: Int) -> Int64 {
        var pause: Int64 = 2_000
        for _ in 0..<min(max(0, polls), 8) { pause = min(pause * 3 / 2, 15_000) }
        return pause
    }

    /// Where a redirect may lead: to https on a host with a name, never to a host in figures and never to plain http,
    /// unless the endpoint itself is on this machine. The request there carries no keys.
    static func target(ofLocation location: String?, from endpoint: WebAddress) -> Result<WebAddress, RedirectRefusal> {
        guard let location else { return .failure(RedirectRefusal(reason: "it names no address")) }
        do {
            let target = try WebAddress(request: location)
            if endpoint.isLoopback, target.isLoopback, target.isEncrypted || !endpoint.isEncrypted {
                return .success(target)
            }
            guard target.isEncrypted else { return .failure(RedirectRefusal(reason: "it leads to plain http")) }
            guard !target.isLoopback, !target.isInFigures else {
                return .failure(RedirectRefusal(reason: "it leads to an address of this or another machine in figures"))
            }
            return .success(target)
        } catch {
            return .failure(RedirectRefusal(reason: "its address \(error.message)"))
        }
    }
}

/// Why a redirect is not followed.
struct RedirectRefusal: Error, Equatable {
    var reason: String
}

/// Whether a file has everyone. Pure.
enum AmplitudeCompleteness {
    /// How many rows there should have been, when there are fewer; nil when the file can be believed.
    ///
    /// The list says how many members the last computation found. A file with fewer rows is believed only when the
    /// cohort was computed anew meanwhile and the new number fits; otherwise nobody knows who is missing.
    /// - Parameters:
    ///   - rows: rows of the file, anonymous ones too.
    ///   - before: the cohort in the list before the download; nil when it was not listed.
    ///   - after: the same afterwards; asked for only when there are too few rows.
    static func shortage(
        rows: Int, before: ListedCohort?, after: () throws(SourceError) -> ListedCohort?
    ) throws(SourceError) -> Int? {
        guard let before, let expected = before.size, rows < expected else { return nil }
        guard let after = try after(), let now = after.size, after.computedAt != before.computedAt else {
            return expected
        }
        return rows < now ? now : nil
    }
}
