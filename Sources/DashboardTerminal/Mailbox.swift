import Dashboard

/// What other threads leave for the terminal's thread. Of everything only the latest is kept, so it cannot grow.
struct Mailbox {
    /// A frame and what it reflects.
    struct Posted {
        let frame: Frame
        let inputs: Int
        let mailbox: Int
    }

    /// A program that runs outside the screen, and who waits for it.
    struct Outside {
        let body: @Sendable () -> Void
        let afterwards: @Sendable (Bool) -> Void
    }

    var frame: Posted?
    var wantsRepaint = false
    var wantsBell = false
    var wantsSuspension = false
    var mouse: Bool?
    var clipboard: [UInt8]?
    var outside: [Outside] = []
    var isClosing = false
    /// How many inputs were handed out.
    var delivered = 0
    var size: (width: Int, height: Int) = (80, 24)
    /// While a program runs outside, the terminal is whole and the terminal's thread is waiting for it.
    var isOutside = false
    var isOver = false

    /// Whether anything waits that the terminal's thread has to be woken for.
    var isEmpty: Bool {
        frame == nil && !wantsRepaint && !wantsBell && !wantsSuspension && mouse == nil && clipboard == nil
            && outside.isEmpty && !isClosing
    }
}
