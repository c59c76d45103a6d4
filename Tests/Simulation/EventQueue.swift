/// What is to happen, by true time; what was put in first comes first.
struct EventQueue {
    struct Event {
        var at: Int64
        /// The process it happens in; nil for the world outside.
        var process: EngineProcess?
        var action: () -> Void
    }

    /// Moved about in place of the event itself, whose references would be counted at every move.
    private struct Key {
        var at: Int64
        var number: Int
        var slot: Int

        @inline(__always)
        func precedes(_ other: Key) -> Bool { at == other.at ? number < other.number : at < other.at }
    }

    private var heap: [Key] = []
    private var events: [Event?] = []
    private var free: [Int] = []
    private var count = 0

    var nextAt: Int64? { heap.first?.at }

    mutating func put(at time: Int64, in process: EngineProcess?, _ action: @escaping () -> Void) {
        let event = Event(at: time, process: process, action: action)
        let slot: Int
        if let unused = free.popLast() {
            slot = unused
            events[slot] = event
        } else {
            slot = events.count
            events.append(event)
        }
        let key = Key(at: time, number: count, slot: slot)
        count += 1
        heap.append(key)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard key.precedes(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = key
    }

    mutating func take() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        free.append(first.slot)
        let event = events[first.slot]
        events[first.slot] = nil
        return event
    }

    /// Puts a key where it belongs, from the top.
    private mutating func sink(_ key: Key) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(key) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = key
    }
}
