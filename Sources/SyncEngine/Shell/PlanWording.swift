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

/// Reads a plan and words it piece by piece. Keeps its place, so that consecutive pieces cost one pass.
struct PlanWording {
    private let plan: Plan
    private let encoder: any MessageEncoder
    private var identity: MessageIdentity
    private var reader: PlanReader?
    private var position = 0
    /// Read, but not yet in a batch; its bytes stay valid until the reader moves on.
    private var held: PlanRecord?

    init(plan: Plan, encoder: any MessageEncoder, identity: MessageIdentity) {
        self.plan = plan
        self.encoder = encoder
        self.identity = identity
    }

    /// Words as much of `range` as fits into one request.
    mutating func word(_ range: Range<Int>, countLimit: Int) throws(StateFileError) -> WordedPiece {
        if reader == nil || position != range.lowerBound {
            reader = try plan.reader(from: range.lowerBound)
            position = range.lowerBound
            held = nil
        }
        var piece = WordedPiece(batch: EncodedBatch(countLimit: countLimit), count: 0, left: 0, refusal: nil)
        while position < range.upperBound {
            if held == nil { held = try reader?.next() }
            guard let record = held else {
                throw .corrupt(path: plan.path, offset: position, what: "the plan ends before its count")
            }
            let announcement = Announcement(
                member: record.member, entered: record.entered,
                messageID: identity.id(of: record.member, nonce: record.attempt.nonce),
                timestamp: record.attempt.timestamp)
            switch encoder.append(announcement, to: &piece.batch) {
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
