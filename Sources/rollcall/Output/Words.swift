import Control
import Scheduling
import TerminalText

/// Numbers and times as people read them.
enum Words {
    /// `12,345`.
    static func count(_ number: Int) -> String {
        var digits = Array(String(number.magnitude))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return (number < 0 ? "−" : "") + String(digits)
    }

    static func bytes(_ number: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(number)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(number) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    }

    static func seconds(_ seconds: Double) -> String {
        if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 120 { return "\((seconds * 10).rounded() / 10) s" }
        if seconds < 7200 { return "\(Int((seconds / 60).rounded())) min" }
        return "\((seconds / 360).rounded() / 10) h"
    }

    /// `in 3 min`, `5 min ago`, from an RFC 3339 text; `-` for none.
    static func relative(_ text: String?, now: Instant) -> String {
        guard let text, let instant = Instant.parse(rfc3339: text) else { return "-" }
        let delta = Double(instant.milliseconds(since: now)) / 1000
        return delta >= 0 ? "in " + seconds(delta) : seconds(-delta) + " ago"
    }

    /// What is left of a source's month, in one line.
    static func month(of quota: QuotaView) -> String {
        let kept = quota.reserve > 0 ? ", \(count(quota.reserve)) kept for manual runs" : ""
        let counted = quota.told ? "" : " (counted here)"
        let warning = quota.forecast > quota.limit ? ", MORE THAN ALLOWED" : ""
        return "downloads of \(quota.source): \(count(quota.used)) of \(count(quota.limit)) used\(counted)\(kept); "
            + "the schedules bring it to \(count(quota.forecast)) by \(quota.resets_at)\(warning)"
    }

    /// The counts of a run on one line.
    static func summary(of run: RunView) -> String {
        var parts = ["+\(count(run.entered))", "−\(count(run.left))", "\(count(run.unchanged)) unchanged"]
        if run.reasserted > 0 { parts.append("\(count(run.reasserted)) reasserted") }
        if run.withheld > 0 { parts.append("\(count(run.withheld)) withheld") }
        if run.ignored > 0 { parts.append("\(count(run.ignored)) ignored") }
        parts.append("\(count(run.accepted)) accepted")
        if run.rejected > 0 { parts.append("\(count(run.rejected)) rejected") }
        if run.pending > 0 { parts.append("\(count(run.pending)) pending") }
        return parts.joined(separator: ", ")
    }
}
