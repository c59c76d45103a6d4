/// The newest elements of a stream. Each has a sequence number that it keeps for ever, so that a view anchored at one
/// does not move when others come and go.
struct Ring<Element: Sendable>: Sendable {
    let capacity: Int
    private var storage: [Element] = []
    /// Where in the storage the oldest element lies, once it is full.
    private var start = 0
    /// The sequence number of the oldest element still here; below zero when it was put before the first one.
    private(set) var first = 0
    /// Whether elements were left out for want of room.
    private(set) var hasDropped = false

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { storage.count }
    var isEmpty: Bool { storage.isEmpty }
    /// The sequence number that the next element gets.
    var end: Int { first + storage.count }

    /// - Returns: its sequence number.
    @discardableResult
    mutating func append(_ element: Element) -> Int {
        if storage.count < capacity {
            storage.append(element)
        } else {
            storage[start] = element
            start = (start + 1) % capacity
            first += 1
            hasDropped = true
        }
        return end - 1
    }

    /// Puts older elements before those that are here, which keep their numbers; the newest of them when not all fit.
    mutating func prepend(_ elements: [Element]) {
        let fitting = elements.suffix(capacity - storage.count)
        if fitting.count < elements.count { hasDropped = true }
        guard !fitting.isEmpty else { return }
        // As long as there is room, nothing was overwritten: the oldest lies first in the storage.
        storage.insert(contentsOf: fitting, at: 0)
        first -= fitting.count
    }

    /// Puts another element in the place of one that is still here.
    mutating func replace(_ sequence: Int, with element: Element) {
        guard sequence >= first, sequence < end else { return }
        storage[(start + sequence - first) % storage.count] = element
    }

    /// The element with a sequence number; nil when it is gone or yet to come.
    subscript(sequence: Int) -> Element? {
        guard sequence >= first, sequence < end else { return nil }
        return storage[(start + sequence - first) % max(1, storage.count)]
    }

    /// The newest elements, oldest of them first.
    func newest(_ limit: Int) -> [Element] {
        guard limit > 0 else { return [] }
        return (max(first, end - limit)..<end).compactMap { self[$0] }
    }
}
