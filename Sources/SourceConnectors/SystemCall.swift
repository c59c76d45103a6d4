import Glibc
import SyncEngine

/// What the C library says about an error number, such as "No such file or directory".
func explain(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // The POSIX form returns a number and fills the buffer; the buffer is all that is looked at.
    _ = strerror_r(code, &buffer, buffer.count)
    let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return text.isEmpty ? "error \(code)" : PrintableText.from(text)
}

/// Time that never goes back, in milliseconds since some point in the past.
func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Whether an error number says that the machine is short of something and another attempt may work.
func isShortage(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR, EIO, EBUSY, ENOBUFS, ETXTBSY, ESTALE, ETIMEDOUT].contains(code)
}

/// 1234567 as "1,234,567".
func grouped(_ number: Int) -> String {
    var result = ""
    let digits = String(number)
    for (offset, digit) in digits.enumerated() {
        if offset > 0 && (digits.utf8.count - offset) % 3 == 0 && result != "-" { result.append(",") }
        result.append(digit)
    }
    return result
}
