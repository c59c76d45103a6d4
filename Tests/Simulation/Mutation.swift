/// Bugs that the harness must notice. Each one bends the simulated shell, or what passes between it and the engine's own
/// decisions; nothing of this exists in any other target.
package enum Mutation: String, CaseIterable, Sendable {
    case cursorBeforeAck, timeoutIsSuccess, idWithoutSeq, partialFetchUsed, coalesceAttempted, rejected200IsOK
    case redirect200IsOK, snapshotBeforeOutbox, sharedIdNamespace, reorderRetries, emptyUsed, noHoldNoDedup
    case twoEnginesNoLock, leavesDespiteBadRow, approvalNotBoundToPlan, holdForgottenAfterRestart, fsyncErrorIgnored
    case retryAfterIgnored, timestampNotMonotone, stringIdentity, catchupAll, futureLastRunStarves, lockNotCloexec
    case resendWithNewId, dismissedRejectResent, breakerStuckHalfOpen, configRemovalSendsLeaves, snapshotHashUnchecked
    case cursorPerProcessOnly, unknownResentAfterReversal
    /// Never tells a leave. Not one of the thirty: a build so broken that a campaign that passes it is worthless.
    case canary

    /// The thirty of the list.
    package static var listed: [Mutation] { allCases.filter { $0 != .canary } }
}
