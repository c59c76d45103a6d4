/// What one history is made of, drawn from its seed: sizes, the receiver's kind, and how often each fault comes. Half of
/// the faults never come in a given history, so that the others meet in every combination.
struct Weather {
    enum Receiver: CaseIterable {
        /// Recognises a repeated id; applies in order of arrival.
        case recognising
        /// Recognises a repeated id and lets a later timestamp win, whatever arrives when.
        case ordering
        /// Applies everything in order of arrival.
        case plain
    }

    var users: Int
    var syncs: Int
    var rounds: Int
    var receiver: Receiver
    var requestSize: Int
    var receiverLimit: Int
    var requests: Int
    var retryFor: Int64
    var leaveLimit: Int?
    var churn: Int
    /// Of a thousand chances.
    private var rates: [Int]
    var isCalm = false

    static let interval: Int64 = 900_000

    init(_ dice: inout Dice, _ size: HistorySize) {
        users = size.users
        rounds = size.rounds
        let few = dice.draw(1...2)
        syncs = size.syncs ?? few
        receiver = Receiver.allCases[dice.draw(0...2)]
        requestSize = dice.draw(1...6)
        receiverLimit = dice.draw(2...8)
        requests = dice.draw(1...3)
        retryFor = [120_000, 1_800_000, 43_200_000][dice.draw(0...2)]
        leaveLimit = dice.chance(300) ? 4 : nil
        churn = dice.draw(1...4)
        rates = FaultKind.allCases.map { _ in 0 }
        for index in rates.indices where dice.chance(500) { rates[index] = dice.draw(5...150) }
    }

    func rate(_ kind: FaultKind) -> Int { isCalm ? 0 : rates[kind.rawValue] }

    /// An attempt may reach a plain receiver for as long as the product assumes (`settle`), less what the clocks differ.
    static let longestDelay: Int64 = 1_140_000
    static let settle: Int64 = 1_200_000
    static let attemptDeadline: Int64 = 30_000
}
