import Foundation
import Scheduling
import Synchronization

/// A campaign on several threads. The threads take seeds in blocks; the result does not depend on who took which.
package struct ParallelCampaign: Sendable {
    private let seeds: Range<UInt64>
    private let threads: Int
    private let block: UInt64

    /// - Parameter block: how many histories a thread takes at a time; one where they are long.
    package init(seeds: Range<UInt64>, threads: Int, block: UInt64 = 250) {
        self.block = block
        self.seeds = seeds
        self.threads = threads
    }

    /// - Parameter size: nil for small ones, and every twentieth medium.
    package func play(size: HistorySize? = nil, mutation: Mutation? = nil) throws -> Campaign {
        let total = Mutex(Campaign())
        let next = Mutex(seeds.lowerBound)
        let failure = Mutex<ScheduleError?>(nil)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let start = next.withLock { next in
                    defer { next += block }
                    return next
                }
                guard start < seeds.upperBound else { return }
                var campaign = Campaign()
                do throws(ScheduleError) {
                    try campaign.play(
                        start..<min(start + block, seeds.upperBound), size: size, mutation: mutation)
                } catch {
                    failure.withLock { $0 = error }
                    return
                }
                total.withLock { [campaign] in $0.add(campaign) }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return total.withLock { $0 }
    }
}
