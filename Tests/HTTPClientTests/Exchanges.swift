@testable import HTTPClient

extension HTTPExchange {
    var answer: HTTPAnswer? {
        if case .answer(let answer) = self { answer } else { nil }
    }

    var failure: HTTPFailure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

extension HTTPRequest {
    /// A POST with a short deadline.
    static func post(_ url: String, _ body: [UInt8] = Array("{}".utf8), deadline: Int = 5_000) -> HTTPRequest {
        var request = HTTPRequest(method: "POST", url: url, body: body)
        request.deadlineMilliseconds = deadline
        return request
    }
}
