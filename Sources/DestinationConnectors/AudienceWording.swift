import SyncEngine

/// The words of one audience's two messages, as JSON around the three things that change: the user id, the message id
/// and the timestamp.
struct AudienceWording: Sendable {
    /// One message in two fixed halves; the user id stands between them.
    struct Halves: Sendable {
        /// Up to the opening quote of the user id.
        var head: [UInt8]
        /// From its closing quote; message id and timestamp are holes of fixed length.
        var tail: [UInt8]
        var messageIDOffset: Int
        var timestampOffset: Int
    }

    let entered: Halves
    let left: Halves

    /// The tool that sends, in every message and at the top of every batch.
    static let batchContext = "\"context\":{\(integration)}"

    /// The tool as Segment's partners name it.
    static let toolName = "Amplitude Cohort Sync"
    static let toolVersion = "1.0.0"

    private static let integration = #""integration":{"name":"\#(toolName)","version":"\#(toolVersion)"}"#

    /// - Parameter hasContext: whether an `identify` carries `context`; a `track` always does.
    init(_ audience: Audience, mode: SegmentMode, hasContext: Bool = true) {
        entered = Self.halves(audience, mode, hasEntered: true, hasContext: hasContext)
        left = Self.halves(audience, mode, hasEntered: false, hasContext: hasContext)
    }

    private static func halves(
        _ audience: Audience, _ mode: SegmentMode, hasEntered: Bool, hasContext: Bool
    ) -> Halves {
        switch mode {
        case .identify:
            let value = hasEntered ? "true" : audience.leavesAsNull ? "null" : "false"
            return halves(
                opening: #"{"type":"identify","userId":""#,
                closing: #","traits":{"\#(escaped(audience.trait))":\#(value)}\#(hasContext ? "," + batchContext : "")}"#)
        case .track:
            // Receivers look for a real boolean under the key: a leave is `false` even where traits become null.
            let key = AudienceKey.of(audience)
            let id = escaped(audience.id)
            let personas =
                #""personas":{"computation_class":"audience","computation_key":"\#(key)","computation_id":"\#(id)"}"#
            return halves(
                opening: #"{"type":"track","event":"Audience \#(hasEntered ? "Entered" : "Exited")","userId":""#,
                closing: #","properties":{"audience_key":"\#(key)","\#(key)":\#(hasEntered)},"#
                    + #""context":{\#(personas),\#(integration)}}"#)
        }
    }

    private static func halves(opening: String, closing: String) -> Halves {
        let beforeID = Array(#"","messageId":""#.utf8)
        let betweenHoles = Array(#"","timestamp":""#.utf8)
        let idHole = [UInt8](repeating: 0x30, count: MessageIDText.count)
        let timeHole = [UInt8](repeating: 0x30, count: TimestampText.count)
        return Halves(
            head: Array(opening.utf8),
            tail: beforeID + idHole + betweenHoles + timeHole + Array("\"".utf8) + Array(closing.utf8),
            messageIDOffset: beforeID.count,
            timestampOffset: beforeID.count + idHole.count + betweenHoles.count)
    }

    private static func escaped(_ text: String) -> String {
        String(decoding: JSONText.escape(text), as: UTF8.self)
    }
}
