import Membership
import Scheduling

/// A piece of a plan worded for its destination.
struct WordedPiece {
    var batch: EncodedBatch
    /// How many members of the range fitted.
    var count: Int
    /// How many of them left.
    var left: Int
    /// The member that no request can carry, met at position `count` when it is nil that there was none.
    var refusal: String?
}

/// One of the plans that are sent in a run, with what wording it takes.
struct WordedPlan: Sendable {
    var plan: Plan
    var audience: Audience
    var identity: MessageIdentity
}

/// Reads the plans of a run and words them piece by piece. Keeps its place, so that consecutive pieces cost one pass.
struct PlanWording {
    private struct Part {
        var plan: Plan
        var encoder: any MessageEncoder
        var identity: MessageIdentity
        var range: Range<Int>
    }

    private var parts: [Part] = []
    private var current = 0
    private var reader: PlanReader?
    private var position = 0
    /// Read, but not yet in a batch; its bytes stay valid until the reader moves on.
    private var held: PlanRecord?

    /// - Parameter plans: in the order of their positions.
    init(_ plans: [WordedPlan], for destination: any Destination) {
        var first = 0
        for plan in plans {
            parts.append(Part(
                plan: plan.plan, encoder: destination.encoder(for: plan.audience), identity: plan.identity,
                range: first..<(first + plan.plan.count)))
            first += plan.plan.count
        }
    }

    /// Words as much of `range` as fits into one request, and never of two plans together.
    mutating func word(_ range: Range<Int>, countLimit: Int) throws(StateFileError) -> WordedPiece {
        guard let index = parts.firstIndex(where: { $0.range.contains(range.lowerBound) }) else {
            return WordedPiece(
                batch: EncodedBatch(countLimit: countLimit), count: 0, left: 0, refusal: "is not in the plan")
        }
        if reader == nil || position != range.lowerBound || current != index {
            current = index
            reader = try parts[index].plan.reader(from: range.lowerBound - parts[index].range.lowerBound)
            position = range.lowerBound
            held = nil
        }
        let part = parts[index]
        let end = min(range.upperBound, part.range.upperBound)
        var piece = WordedPiece(batch: EncodedBatch(countLimit: countLimit), count: 0, left: 0, refusal: nil)
        while position < end {
            if held == nil { held = try reader?.next() }
            guard let record = held else {
                throw .corrupt(path: part.plan.path, offset: position, what: "the plan ends before its count")
            }
            let announcement = Announcement(
                member: record.member, entered: record.entered,
                messageID: parts[index].identity.id(of: record.member, nonce: record.attempt.nonce),
                timestamp: record.attempt.timestamp)
            switch part.encoder.append(announcement, to: &piece.batch) {
            case .added:
                held = nil
                position += 1
                piece.count += 1
                if record.kind == .left { piece.left += 1 }
            case .full where piece.count > 0:
                return piece
            case .full:
                piece.refusal = "does not fit into a request"
                return piece
            case .refused(let reason):
                if piece.count == 0 { piece.refusal = reason }
                return piece
            }
        }
        return piece
    }
}
