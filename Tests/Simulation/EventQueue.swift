/// What is to happen, by true time; what was put in first comes first.
struct EventQueue {
    struct Event {
        var at: Int64
        var number: Int
        /// The process it happens in; nil for the world outside.
        var process: EngineProcess?
        var action: () -> Void
    }

    private var heap: [Event] = []
    private var count = 0

    var nextAt: Int64? { heap.first?.at }

    mutating func put(at time: Int64, in process: EngineProcess?, _ action: @escaping () -> Void) {
        heap.append(Event(at: time, number: count, process: process, action: action))
        count += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func take() -> Event? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            if least == parent { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        (heap[a].at, heap[a].number) < (heap[b].at, heap[b].number)
    }
}
