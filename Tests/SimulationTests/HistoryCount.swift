import Foundation

/// How many histories the tests play: enough to meet every fault, few enough for a build without optimisation.
enum HistoryCount {
    static let floor: UInt64 = 1_500

    static var wanted: UInt64 {
        max(floor, ProcessInfo.processInfo.environment["SIMULATED_HISTORIES"].flatMap { UInt64($0) } ?? 0)
    }
}
