/// The month of a source that counts downloads (`GET /v1/quotas`, part of `plan`).
package struct QuotaView: Codable, Sendable, Equatable {
    /// The source's key.
    package var source: String
    /// Downloads allowed in the month, kept for manual runs, and made so far.
    package var limit: Int
    package var reserve: Int
    package var used: Int
    /// What the schedules need in any 31 days.
    package var planned: Int
    /// What will have been made when counting starts anew, if nothing but the schedules runs from now on.
    package var forecast: Int
    /// When counting starts anew.
    package var resets_at: String
    /// Whether the account itself told the numbers; otherwise our own count is all that is known.
    package var told: Bool

    package init(
        source: String, limit: Int, reserve: Int, used: Int, planned: Int, forecast: Int, resets_at: String, told: Bool
    ) {
        self.source = source
        self.limit = limit
        self.reserve = reserve
        self.used = used
        self.planned = planned
        self.forecast = forecast
        self.resets_at = resets_at
        self.told = told
    }
}

extension QuotaView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("source", source)
        line.field("limit", limit)
        line.field("reserve", reserve)
        line.field("used", used)
        line.field("planned", planned)
        line.field("forecast", forecast)
        line.field("resets_at", resets_at)
        line.field("told", told)
    }
}
