import SyncEngine
import Testing

/// What those who do not keep up with the engine miss.
@Suite struct WatchersTests {
    private func taken(_ stream: AsyncStream<EngineChange>, atMost most: Int) async -> [Bool] {
        var values: [Bool] = []
        for await change in stream {
            if case .frozen(let value) = change { values.append(value) }
            if values.count == most { break }
        }
        return values
    }

    @Test("One that must miss nothing is told everything up to where it fell behind, and then its stream ends")
    func ends() async {
        let watchers = Watchers()
        let stream = watchers.add(.ends)
        // The one change that does not fit is the only `true` of the first kind of answer.
        for number in 0...Watchers.capacity { watchers.publish(.frozen(number == Watchers.capacity)) }
        let values = await taken(stream, atMost: .max)
        #expect(values == [Bool](repeating: false, count: Watchers.capacity))
    }

    @Test("One that wants to know how things stand loses the oldest and goes on")
    func losesOldest() async {
        let watchers = Watchers()
        let stream = watchers.add(.losesOldest)
        for number in 0...Watchers.capacity { watchers.publish(.frozen(number == 0)) }
        #expect(await taken(stream, atMost: Watchers.capacity) == [Bool](repeating: false, count: Watchers.capacity))
        watchers.publish(.frozen(true))
        #expect(await taken(stream, atMost: 1) == [true])
    }
}
