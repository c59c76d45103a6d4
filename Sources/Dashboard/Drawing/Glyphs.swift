/// The characters that screens are drawn with: each takes one cell, and each has an ASCII stand-in.
struct Glyphs: Sendable {
    let isASCII: Bool
    let cursor, mark, ellipsis, crumb, enterKey: String
    let horizontal, vertical, topLeft, topRight, bottomLeft, bottomRight: String
    let ok, running, failed, late, paused, never, skipped, held, queued: String
    let tick, cross, up, down, barFull, barEmpty, failedBar, live, dot: String
    let bars: [String]

    static let unicode = Glyphs(
        isASCII: false, cursor: "▸", mark: "*", ellipsis: "…", crumb: "›", enterKey: "↵", horizontal: "─",
        vertical: "│", topLeft: "┌", topRight: "┐", bottomLeft: "└", bottomRight: "┘", ok: "●", running: "▶",
        failed: "✗", late: "!", paused: "‖", never: "○", skipped: "◌", held: "◆", queued: "◇", tick: "✓", cross: "✗",
        up: "↑", down: "↓", barFull: "█", barEmpty: "░", failedBar: "×", live: "●", dot: "·",
        bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"])

    static let ascii = Glyphs(
        isASCII: true, cursor: ">", mark: "*", ellipsis: "~", crumb: ">", enterKey: "Enter", horizontal: "-",
        vertical: "|", topLeft: "+", topRight: "+", bottomLeft: "+", bottomRight: "+", ok: "*", running: ">",
        failed: "x", late: "!", paused: "=", never: "o", skipped: "~", held: "?", queued: "%", tick: "v", cross: "x",
        up: "^", down: "v", barFull: "#", barEmpty: ".", failedBar: "x", live: "*", dot: ".",
        bars: [".", ":", "-", "=", "+", "*", "#", "@"])

    /// The glyph of a sync's state or a run's outcome; a word stands beside it.
    func glyph(of state: String) -> String {
        switch state {
        case "ok", "succeeded", "unchanged", "up", "accepted": ok
        case "running", "fetching", "planning", "sending": running
        case "failed", "blocked", "failing", "rejected": failed
        case "late", "partial": late
        case "paused", "frozen": paused
        case "held": held
        case "queued", "pending": queued
        case "cancelled", "discarded": skipped
        default: never
        }
    }
}
