import Glibc
import Synchronization

/// What the session and its thread share.
final class SharedState: Sendable {
    let mailbox = Mutex(Mailbox())
    /// Wakes the terminal's thread; the signal handlers ring it too.
    let doorbell: Doorbell
    /// Rung once, when the terminal is whole again.
    let over: Doorbell
    let inputs: AsyncStream<TerminalEvent>
    private let receive: (@Sendable (TerminalEvent) -> Void)?
    private let inputsEnd: AsyncStream<TerminalEvent>.Continuation
    private let owner = Mutex<Owner?>(nil)

    private struct Owner: @unchecked Sendable {
        // The loop is only touched after `thread` was found to be the running one.
        let thread: pthread_t
        let loop: TerminalLoop
    }

    init(options: TerminalOptions) throws(TerminalError) {
        doorbell = try Doorbell()
        over = try Doorbell()
        receive = options.receive
        (inputs, inputsEnd) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096))
    }

    /// Leaves something for the terminal's thread and wakes it unless it is awake or about to be.
    @discardableResult
    func post<Result: Sendable>(_ change: (inout Mailbox) -> Result) -> Result {
        let (result, mustWake) = mailbox.withLock { mailbox in
            let wasEmpty = mailbox.isEmpty
            let result = change(&mailbox)
            return (result, wasEmpty && !mailbox.isEmpty)
        }
        if mustWake && !isOwnThread { doorbell.ring() }
        return result
    }

    // MARK: - The terminal's thread

    /// Hands out an event. Returns how many inputs were handed out so far.
    @discardableResult
    func deliver(_ event: TerminalEvent) -> Int {
        let isInput = if case .input = event { true } else { false }
        let delivered = mailbox.withLock { mailbox in
            if isInput { mailbox.delivered += 1 }
            return mailbox.delivered
        }
        if let receive {
            receive(event)
        } else {
            inputsEnd.yield(event)
        }
        return delivered
    }

    func adopt(_ loop: TerminalLoop?) {
        owner.withLock { $0 = loop.map { Owner(thread: pthread_self(), loop: $0) } }
        if loop == nil { inputsEnd.finish() }
    }

    var isOwnThread: Bool {
        owner.withLock { $0.map { pthread_equal($0.thread, pthread_self()) != 0 } ?? false }
    }

    /// Closes from within an event's receiver. Only for the terminal's own thread.
    func closeNow() {
        let loop = owner.withLock { $0?.loop }
        loop?.shutDown()
    }
}
