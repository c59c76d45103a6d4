/// Everything that goes wrong, or that somebody does at an awkward moment.
package enum FaultKind: Int, CaseIterable, Sendable {
    // The process.
    case kill, killWithCommit, killWithFlight, killWhilePlanning, pause, secondEngine
    // The disk.
    case commitFails, commitUnknown, diskFull, staleLedger, rewind
    // The network and the receiver.
    case refused, busy, retryAfter, serverError, serverErrorStored, answerLost, requestLost, latePacket, duplicate
    case partlyStored, saysFalse, redirect, unauthorised, tooLarge, poisonMember, pickyMember, unwordable, outage, slow
    // The source.
    case sourceFails, sourceEndsEarly, unreadableRows, emptySource, massShrink, slowSource
    // The clock.
    case clockBack, clockForward, clockFarForward, clockFarBack
    // People.
    case cancel, freeze, approve, approveNamed, discard, manualRun, fullRun, dismiss, removeSync, approveLeaves, unblock
    case undo, retire, rename, migrate
}

/// How often each fault was met.
package struct FaultCounts: Sendable {
    package private(set) var counts = [Int](repeating: 0, count: FaultKind.allCases.count)

    package init() {}

    package subscript(_ kind: FaultKind) -> Int { counts[kind.rawValue] }

    mutating func note(_ kind: FaultKind) { counts[kind.rawValue] += 1 }

    package mutating func add(_ other: FaultCounts) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    package var total: Int { counts.reduce(0, +) }
}
