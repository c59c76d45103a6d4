import Glibc
import Synchronization

/// Hands one exchange from a task to a waiting thread.
final class BlockingBox: @unchecked Sendable {
    // The semaphore orders the one write before the one read; the mutex only proves it to the compiler.

    private let semaphore: UnsafeMutablePointer<sem_t>
    private let exchange = Mutex<HTTPExchange?>(nil)

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func put(_ result: HTTPExchange) {
        exchange.withLock { $0 = result }
        sem_post(semaphore)
    }

    /// Blocks until there is one.
    func take() -> HTTPExchange {
        while true {
            if sem_wait(semaphore) == 0, let result = exchange.withLock({ $0 }) { return result }
        }
    }
}
