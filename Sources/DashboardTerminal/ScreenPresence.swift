import CNcurses
import Dashboard
import Glibc
import Synchronization

/// Entering and leaving the screen: at the start, for a suspension, for a program outside, at the end.
extension TerminalLoop {
    /// How long a terminal may take for the rest of a frame and then for being made whole, in milliseconds.
    private static let frameEnd: Int64 = 12
    private static let farewell: Int64 = 25
    /// How long after a stop was asked for it is taken for refused, as it is in an orphaned process group.
    private static let stopDelay: Int64 = 300
    /// A shell that continues us before it hands us the terminal gets this long for that.
    private static let foregroundDelay: Int64 = 1000

    /// Takes the terminal over; the first frame brings up the screen.
    func enter() {
        // In the background this waits for the foreground, with nothing changed yet.
        guard device.makeRaw() else { return hangUp() }
        withUnsafePointer(to: device.whole) { whole in
            cnc_arm(
                device.descriptor, whole, modes.undo, modes.undo.count, errors?.earlier ?? -1,
                errors?.descriptor ?? -1)
        }
        errors?.seize()
        isWhole = false
        output.append(modes.on)
        if isMouseOn { output.append(modes.mouseOn) }
    }

    /// Makes the terminal whole again. A terminal that stands still loses what it has not shown.
    func leave(forever: Bool) {
        let isOurs = !isGone && !isWhole && device.isForeground && cnc_is_crashing() == 0
        if isOurs && !flush(within: Self.frameEnd) {
            output.clear()
            device.discardOutput()
            // The frame may have been cut amid a sequence, which CAN ends.
            output.append([0x18])
        }
        if !isOurs { output.clear() }
        output.append(modes.off)
        if forever { cnc_close() } else { cnc_leave() }
        collectDrawing()
        if !modes.hasOtherScreen && current != nil { output.append("\r\n".utf8) }
        if isOurs && !flush(within: Self.farewell) {
            device.discardOutput()
            isStalled = true
        }
        output.clear()
        if isOurs { device.makeWhole() }
        cnc_disarm()
        errors?.release()
        isWhole = true
    }

    /// Comes back to the screen after anything may have happened to the terminal.
    private func comeBack() {
        let deadline = monotonicMilliseconds() + Self.foregroundDelay
        while !device.isForeground && !isClosing && monotonicMilliseconds() < deadline { poll(nil, 0, 10) }
        // Who ends a stopped process sends SIGTERM, then SIGCONT: there is nothing to come back for.
        if isClosing { return shutDown() }
        enter()
        guard !isGone else { return }
        takeSize()
        repaint()
        flush()
        shared.deliver(.resumed)
    }

    private var isClosing: Bool {
        shared.mailbox.withLock { $0.isClosing }
    }

    /// Stops the process group with the terminal whole, and comes back when it is continued.
    func suspend() {
        guard !isGone, !isWhole else { return }
        leave(forever: false)
        if cnc_stop_group() == 1 {
            let deadline = monotonicMilliseconds() + Self.stopDelay
            while cnc_take_signals() & UInt32(CNC_CONTINUED) == 0 {
                let left = deadline - monotonicMilliseconds()
                guard left > 0, shared.doorbell.wait(milliseconds: left) else { break }
                shared.doorbell.silence()
            }
            cnc_notice_stops()
        }
        comeBack()
    }

    /// Something else stopped and continued us, so the terminal is in an unknown state.
    func resumeAfterStop() {
        guard !isGone, !isWhole else { return }
        output.clear()
        cnc_leave()
        collectDrawing()
        output.clear()
        isWhole = true
        comeBack()
    }

    /// Runs a program outside the screen; the terminal is its own meanwhile.
    func run(_ outside: Mailbox.Outside) {
        guard !isGone else { return outside.afterwards(false) }
        leave(forever: false)
        cnc_default_stops()
        shared.mailbox.withLock { $0.isOutside = true }
        outside.body()
        shared.mailbox.withLock { $0.isOutside = false }
        cnc_notice_stops()
        // Whatever stopped and continued us outside is over.
        _ = cnc_take_signals()
        comeBack()
        outside.afterwards(true)
    }

    /// Makes the terminal whole for good and ends the loop.
    func shutDown() {
        guard !isOver else { return }
        isOver = true
        leave(forever: true)
        cnc_unwatch_crashes()
        cnc_unwatch_signals()
        if !isStalled { errors?.printTail() }
        let left = shared.mailbox.withLock { mailbox in
            let left = mailbox.outside
            mailbox.outside = []
            mailbox.isOver = true
            return left
        }
        left.forEach { $0.afterwards(false) }
        shared.over.ring()
    }

    /// Writes what waits; false when the terminal did not take it in time.
    private func flush(within limit: Int64) -> Bool {
        let deadline = monotonicMilliseconds() + limit
        while !output.isEmpty {
            switch device.write(output.waiting) {
            case .wrote(let count): output.remove(count)
            case .gone: return true
            case .full:
                let left = deadline - monotonicMilliseconds()
                guard left > 0 else { return false }
                var entry = pollfd(fd: device.descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, Int32(clamping: left))
            }
        }
        return true
    }
}
