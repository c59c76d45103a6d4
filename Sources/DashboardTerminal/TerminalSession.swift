import CNcurses
import Dashboard
import Glibc
import Synchronization

/// The one owner of the terminal. A thread of its own draws and reads; everything here may be called from any thread
/// and none of it waits for the terminal, ``close()`` for at most a moment.
///
/// The session takes SIGWINCH, SIGCONT and SIGTSTP while it is open; where other threads block SIGWINCH, resizing does
/// not interrupt their system calls. SIGINT, SIGTERM and SIGHUP stay the caller's: block them before
/// ``open(options:)`` and call ``close()`` when one comes. While a program runs outside the screen, Ctrl-C is SIGINT
/// for this process too.
package final class TerminalSession: @unchecked Sendable {
    // Everything is immutable and shared through `mailbox`, except `inputsEnd`, which is Sendable itself.

    /// What the terminal tells, when the options name no receiver. Keys beyond 4,096 unread events are lost.
    package let inputs: AsyncStream<TerminalEvent>
    /// Whether characters beyond ASCII may be shown.
    package let isUTF8: Bool
    /// How many colours there are; 0 without colour.
    package let colors: Int

    private let shared: SharedState
    private let term: String
    private let multiplexer: TerminalOptions.Multiplexer
    private let hasClipboard: Bool
    private let timer: DeadlineTimer

    /// Takes the terminal over. Nothing has been written yet when this throws.
    package static func open(options: TerminalOptions) throws(TerminalError) -> TerminalSession {
        let shared = try SharedState(options: options)
        let timer = try DeadlineTimer()
        let start = try TerminalStart(shared: shared, timer: timer, options: options)
        guard start.launch() else { throw .failed(step: "pthread_create", errno: EAGAIN) }
        switch start.outcome() {
        case .success(let facts): return TerminalSession(shared, timer, options, facts)
        case .failure(let error): throw error
        }
    }

    private init(_ shared: SharedState, _ timer: DeadlineTimer, _ options: TerminalOptions, _ facts: TerminalFacts) {
        self.shared = shared
        self.timer = timer
        inputs = shared.inputs
        isUTF8 = facts.isUTF8
        colors = facts.colors
        hasClipboard = facts.hasClipboard
        term = options.term
        multiplexer = options.multiplexer
    }

    /// Columns and rows of the screen now. A change is told by an input.
    package var size: (width: Int, height: Int) {
        shared.mailbox.withLock { $0.size }
    }

    /// How many inputs were handed out so far.
    package var deliveredInputs: Int {
        shared.mailbox.withLock { $0.delivered }
    }

    /// Whether the last frame still waits to be painted: making another one would be for nothing.
    package var isBehind: Bool {
        shared.mailbox.withLock { $0.frame != nil }
    }

    /// Shows a frame. The latest wins: at once when the screen is idle or a key asked for it, at most every
    /// `frameInterval` otherwise, and never before the terminal takes more. It counts as reflecting every input so far.
    package func present(_ frame: Frame) {
        shared.post { $0.frame = .init(frame: frame, inputs: $0.delivered, mailbox: 0) }
    }

    /// The same for presenters that know what a frame reflects, for tests that wait for it.
    /// - Parameters:
    ///   - inputs: how many inputs, from the first, were handled.
    ///   - mailbox: the presenter's own count of anything else that was.
    package func present(_ frame: Frame, inputs: Int, mailbox: Int) {
        shared.post { $0.frame = .init(frame: frame, inputs: inputs, mailbox: mailbox) }
    }

    /// Sends ``TerminalEvent/timer`` once after a time that goes on while the machine sleeps; replaces the deadline
    /// before it. Nil takes it back.
    package func setTimer(after delay: Duration?) {
        timer.set(after: delay)
    }

    /// Leaves the screen and stops the process group, as Ctrl-Z does; comes back when the shell continues it.
    package func suspendToShell() {
        shared.post { $0.wantsSuspension = true }
    }

    /// Leaves the screen, runs `body` on the terminal's thread, comes back and tells `afterwards` whether it ran. For
    /// `$EDITOR` and pagers: the terminal, standard error and SIGTSTP are as before the session meanwhile.
    package func runOutside(
        _ body: @escaping @Sendable () -> Void, afterwards: @escaping @Sendable (Bool) -> Void
    ) {
        let isOver = shared.post {
            if !$0.isOver { $0.outside.append(.init(body: body, afterwards: afterwards)) }
            return $0.isOver
        }
        if isOver { afterwards(false) }
    }

    /// The same for callers that can wait. Returns whether `body` ran.
    @discardableResult
    package func runOutside(_ body: @escaping @Sendable () -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            runOutside(body) { continuation.resume(returning: $0) }
        }
    }

    /// Rings the bell.
    package func ring() {
        shared.post { $0.wantsBell = true }
    }

    /// Copies text to the clipboard of the machine in front of the user.
    @discardableResult
    package func copyToClipboard(_ text: String) -> ClipboardOutcome {
        let isUnderstood = ClipboardSequence.isUnderstood(
            term: term, hasCapability: hasClipboard, multiplexer: multiplexer)
        guard isUnderstood else { return .unavailable }
        let bytes = Array(text.utf8)
        guard bytes.count <= ClipboardSequence.limit else { return .tooLong }
        let sequence = ClipboardSequence.bytes(for: bytes, multiplexer: multiplexer)
        shared.post { $0.clipboard = sequence }
        return .sent
    }

    /// Turns reports of clicks and wheel steps on or off.
    package func setMouse(_ isOn: Bool) {
        shared.post { $0.mouse = isOn }
    }

    /// Paints every cell anew, for a screen that something else has written on.
    package func redraw() {
        shared.post { $0.wantsRepaint = true }
    }

    /// Makes the terminal whole and ends the thread; returns when that is done. A terminal that takes no more output
    /// delays this by at most 50 ms. While a program runs outside, the terminal is whole already and this returns at
    /// once.
    package func close() {
        if shared.isOwnThread {
            shared.post { $0.isClosing = true }
            shared.closeNow()
            return
        }
        let isOutside = shared.post {
            $0.isClosing = true
            return $0.isOutside
        }
        if isOutside || shared.over.wait(milliseconds: 1000) { return }
        // The receiver of some event keeps the thread; the terminal cannot wait for it.
        cnc_rescue()
    }
}
