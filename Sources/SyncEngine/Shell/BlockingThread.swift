import Glibc

/// Runs work that blocks on a thread of its own, so that the few threads of Swift's concurrency stay free.
package enum BlockingThread {
    private final class Job {
        let work: @Sendable () -> Void
        init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    }

    /// Runs `work` on a new thread and returns what it returned.
    package static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let job = Unmanaged.passRetained(Job { continuation.resume(returning: work()) })
            var thread = pthread_t()
            let result = pthread_create(&thread, nil, { argument in
                guard let argument else { return nil }
                Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, job.toOpaque())
            guard result == 0 else {
                // No thread is to be had (EAGAIN): slower, but nothing is lost.
                job.takeRetainedValue().work()
                return
            }
            pthread_detach(thread)
        }
    }
}

extension BlockingThread {
    /// Lets a thread that exists to block wait for work of the concurrency pool. Never called on a thread of that pool.
    package static func wait<Value: Sendable>(for work: @escaping @Sendable () async -> Value) -> Value {
        let handover = Handover<Value>()
        let task = Task.detached { handover.put(await work()) }
        return withExtendedLifetime(task) { handover.take() }
    }

    /// Hands one value from a task to a waiting thread.
    private final class Handover<Value: Sendable>: @unchecked Sendable {
        // The condition's mutex guards the value; the pointers never change.
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var value: Value?

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(condition, nil)
        }

        deinit {
            pthread_cond_destroy(condition)
            pthread_mutex_destroy(mutex)
            condition.deallocate()
            mutex.deallocate()
        }

        func put(_ new: Value) {
            pthread_mutex_lock(mutex)
            value = new
            pthread_cond_signal(condition)
            pthread_mutex_unlock(mutex)
        }

        func take() -> Value {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            while true {
                if let value { return value }
                pthread_cond_wait(condition, mutex)
            }
        }
    }
}
