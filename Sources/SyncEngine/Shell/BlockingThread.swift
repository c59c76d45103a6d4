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
