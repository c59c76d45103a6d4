import Testing

@testable import Receiver

@Suite struct JournalTests {
    @Test func recentItemsKeepTheLast() {
        var recent = RecentItems<Int>(limit: 3)
        #expect(recent.items.isEmpty)
        for number in 1...2 { recent.append(number) }
        #expect(recent.items == [1, 2])
        for number in 3...8 { recent.append(number) }
        #expect(recent.items == [6, 7, 8])
        var none = RecentItems<Int>(limit: 0)
        none.append(1)
        #expect(none.items.isEmpty)
    }

    @Test func theIndexFindsEveryRowAndNoOther() {
        var index = KeyIndex()
        // Few hashes for many rows: all that share one are proposed.
        for row in 1...5000 { index.insert(UInt64(row % 50 + 1), row: UInt32(row)) }
        for row in 1...5000 {
            #expect(index.contains(UInt64(row % 50 + 1)) { $0 == UInt32(row) })
        }
        #expect(!index.contains(51) { _ in true })
        var proposed = 0
        _ = index.contains(7) { _ in
            proposed += 1
            return false
        }
        #expect(proposed == 100)
    }

    @Test func everyCodeHasAnEffectAndItsOwnWord() {
        #expect(Set(ReportCode.allCases.map(\.rawValue)).count == ReportCode.allCases.count)
        #expect(ReportCode.allCases.filter { $0.effect == .refused }.count == 5)
        #expect(ReportCode.allCases.filter { $0.effect == .dropped }.count == 12)
    }
}
