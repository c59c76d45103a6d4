import CNcurses
import Dashboard
import Glibc
import Synchronization

/// The terminal's thread: waits for keys, frames, deadlines and signals at once, and never for one of them alone.
///
/// ncurses draws into memory. Its bytes go to the terminal as fast as that takes them, so a terminal that stands still
/// stops frames, which are cumulative, and nothing else: keys are read and a request to close is served meanwhile.
final class TerminalLoop: @unchecked Sendable {
    // Made, run and shut down by one thread; the others reach it only through `shared`.

    let facts: TerminalFacts

    let shared: SharedState
    let device: TerminalDevice
    let modes: TerminalModes
    let errors: ErrorCapture?
    var painter: FramePainter
    var output = OutputQueue()
    /// The frame on the screen.
    var current: Mailbox.Posted?
    var isMouseOn: Bool
    var parser: InputParser
    /// The terminal has hung up.
    var isGone = false
    /// The screen has been left and the terminal is as it was before.
    var isWhole = true
    var isOver = false
    /// The terminal did not even take what makes it whole.
    var isStalled = false
    var lastPaint = Int64.min / 2

    private let options: TerminalOptions
    private let timer: DeadlineTimer
    private var idle: IdleReport?
    private var size: (width: Int, height: Int)
    private var paintings = 0
    private var lastBytes: Int64 = 0
    /// The number of the last input that a person made. Frames that answer it are painted at once, those that answer
    /// a storm of new sizes are not.
    private var lastKey = 0
    private var failedReads = 0

    /// How many frames are painted at once: those of a program that just starts are waited for.
    private static let firstFrames = 8
    /// How long an unfinished sequence or character is waited for, in milliseconds.
    private static let restDelay: Int64 = 250
    /// How long an unfinished paste is waited for. Too short, and its rest would act as keys.
    private static let pasteDelay: Int64 = 10_000

    /// Opens ncurses; nothing is written and no mode is changed before ``run()``.
    init(shared: SharedState, timer: DeadlineTimer, options: TerminalOptions) throws(TerminalError) {
        device = try TerminalDevice()
        let size = device.size
        let isUTF8 = cnc_adopt_locale() == 1
        let opening = cnc_open(
            options.term, Int32(size.height), Int32(size.width), options.usesColor ? 1 : 0)
        let reason = errno
        let shownTerm = ErrorCapture.printable(Array(options.term.utf8.prefix(64)))
        switch opening {
        case CNC_OPENED: break
        case CNC_UNKNOWN:
            throw .unusable(term: shownTerm, hint: options.term.isEmpty ? "is not set" : "is unknown")
        case CNC_NO_CURSOR_ADDRESSING: throw .unusable(term: shownTerm, hint: "cannot place text on a screen")
        default: throw .failed(step: "ncurses", errno: reason)
        }
        modes = TerminalModes()
        painter = FramePainter(width: size.width, height: size.height)
        parser = InputParser(keys: .ofTerminal())
        facts = TerminalFacts(
            isUTF8: isUTF8, colors: Int(cnc_colors()), hasClipboard: cnc_capability("Ms") != nil)
        idle = IdleReport(descriptor: options.testDescriptor)
        errors = options.capturesErrors ? ErrorCapture() : nil
        isMouseOn = options.mouse
        parser.expectsMouse = options.mouse
        self.size = size
        self.shared = shared
        self.timer = timer
        self.options = options
        shared.mailbox.withLock { $0.size = size }
    }

    func run() {
        cnc_watch_signals(shared.doorbell.descriptor)
        cnc_watch_crashes()
        enter()
        while !isOver { turn() }
    }

    // MARK: - One turn

    private func turn() {
        let timeout = waitingTime()
        let isDrawing = !output.isEmpty
        var entries = [
            pollfd(
                fd: isGone ? -1 : device.descriptor, events: Int16(isDrawing ? POLLIN | POLLOUT : POLLIN), revents: 0),
            pollfd(fd: shared.doorbell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: timer.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&entries, nfds_t(entries.count), timeout)
        if count > 0 {
            if entries[1].revents != 0 { shared.doorbell.silence() }
            if entries[2].revents != 0 && timer.take() { shared.deliver(.timer) }
            if entries[3].revents != 0 { errors?.lines().forEach { shared.deliver(.diagnostics($0)) } }
            if entries[0].revents != 0 { takeInput(Int32(entries[0].revents)) }
        }
        for step in [takeSignals, giveUpWaiting, takeMail, flush, paint, rest] where !isOver { step() }
    }

    /// Milliseconds until something is due by itself, -1 for never.
    private func waitingTime() -> Int32 {
        var due = Int64.max
        if output.isEmpty, let next = nextPaint() { due = next }
        if let end = inputEnd() { due = min(due, end) }
        return due == .max ? -1 : Int32(clamping: max(0, due - monotonicMilliseconds()))
    }

    /// When the waiting frame may be painted; nil when there is none.
    private func nextPaint() -> Int64? {
        guard !isGone, !isWhole else { return nil }
        let posted = shared.mailbox.withLock { mailbox in mailbox.frame.map { $0.inputs } }
        guard let posted else { return nil }
        let answersKey = lastKey > (current?.inputs ?? 0) && posted >= lastKey
        return answersKey || paintings < Self.firstFrames ? lastPaint : lastPaint + options.frameInterval
    }

    // MARK: - Input

    private func takeInput(_ events: Int32) {
        let isBroken = events & (POLLHUP | POLLERR | POLLNVAL) != 0
        guard events & POLLIN != 0 || isBroken else { return }
        guard let bytes = device.read() else {
            // A terminal that hung up is readable for ever, with nothing to read.
            failedReads += 1
            if isBroken || failedReads >= 3 { hangUp() }
            return
        }
        failedReads = 0
        if isBroken && bytes.isEmpty { return hangUp() }
        lastBytes = monotonicMilliseconds()
        deliver(parser.take(bytes))
    }

    private func deliver(_ inputs: [TerminalInput]) {
        for input in inputs where !isOver { lastKey = shared.deliver(.input(input)) }
    }

    /// Until when an unfinished input is waited for.
    private func inputEnd() -> Int64? {
        switch parser.wait {
        case .nothing: nil
        case .escape: lastBytes + Int64(options.escapeDelay)
        case .rest: lastBytes + Self.restDelay
        case .paste: lastBytes + Self.pasteDelay
        }
    }

    private func giveUpWaiting() {
        guard let end = inputEnd(), monotonicMilliseconds() >= end else { return }
        deliver(parser.giveUp())
    }

    func hangUp() {
        guard !isGone else { return }
        isGone = true
        output.clear()
        shared.deliver(.hangup)
    }

    private func takeSignals() {
        let signals = Int32(bitPattern: cnc_take_signals())
        if signals & Int32(CNC_RESIZED) != 0 { takeSize() }
        if signals & Int32(CNC_STOP_ASKED) != 0 && !isOver {
            suspend()
        } else if signals & Int32(CNC_CONTINUED) != 0 && !isOver {
            resumeAfterStop()
        }
    }

    /// Tells a new size; its frame is up to the presenter.
    func takeSize() {
        let now = device.size
        guard !isGone, now != size else { return }
        size = now
        painter.resize(width: now.width, height: now.height)
        shared.mailbox.withLock { $0.size = now }
        shared.deliver(.input(.resized(width: now.width, height: now.height)))
    }

    // MARK: - What others left

    private func takeMail() {
        let (mail, isClosing) = shared.mailbox.withLock { mailbox in
            let taken = mailbox
            mailbox.wantsRepaint = false
            mailbox.wantsSuspension = false
            mailbox.mouse = nil
            mailbox.outside = []
            return (taken, mailbox.isClosing)
        }
        if isClosing {
            mail.outside.forEach { $0.afterwards(false) }
            return shutDown()
        }
        if let mouse = mail.mouse, mouse != isMouseOn {
            isMouseOn = mouse
            parser.expectsMouse = mouse
            output.append(mouse ? modes.mouseOn : modes.mouseOff)
        }
        if mail.wantsRepaint { repaint() }
        if mail.wantsSuspension { suspend() }
        for outside in mail.outside where !isOver { run(outside) }
    }

    // MARK: - Output

    /// Writes what the terminal takes now.
    func flush() {
        guard !isGone, !isWhole else { return }
        while !output.isEmpty && cnc_is_crashing() == 0 {
            switch device.write(output.waiting) {
            case .wrote(let count): output.remove(count)
            case .full: return
            case .gone: return hangUp()
            }
        }
    }

    private func paint() {
        guard output.isEmpty, !isGone, !isWhole else { return }
        let now = monotonicMilliseconds()
        let isDue = nextPaint().map { $0 <= now } ?? false
        let (posted, bell, clipboard) = shared.mailbox.withLock { mailbox in
            let taken = (isDue ? mailbox.frame : nil, mailbox.wantsBell, mailbox.clipboard)
            if isDue { mailbox.frame = nil }
            mailbox.wantsBell = false
            mailbox.clipboard = nil
            return taken
        }
        if let posted {
            current = posted
            lastPaint = now
            paintings += 1
            painter.paint(posted.frame)
        }
        if bell { cnc_ring() }
        collectDrawing()
        if let clipboard { output.append(clipboard) }
        flush()
    }

    /// Paints the current frame anew, over whatever the screen shows.
    func repaint() {
        painter.forget()
        guard !isGone, !isWhole, let current else { return }
        painter.paint(current.frame)
        collectDrawing()
    }

    /// Queues what ncurses wrote.
    func collectDrawing() {
        var bytes: UnsafePointer<UInt8>?
        let count = cnc_output(&bytes)
        if count > 0 { output.append(UnsafeBufferPointer(start: bytes, count: count)) }
    }

    /// Tells a test when nothing is left to do.
    private func rest() {
        guard idle != nil, output.isEmpty, parser.wait == .nothing, let current, !isGone else { return }
        let (isEmpty, delivered) = shared.mailbox.withLock { ($0.isEmpty, $0.delivered) }
        var entry = pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0)
        guard isEmpty, current.inputs >= delivered, poll(&entry, 1, 0) == 0 else { return }
        idle?.tell(frame: paintings, inputs: current.inputs, mailbox: current.mailbox)
    }
}
