import Glibc
import SyncEngine

/// A cohort whose members a program prints: one id a line, or CSV with a header when `column` is set.
///
/// The program is started without a shell, with stdin at `/dev/null`, in a session of its own, with no descriptors but
/// its three and an environment of `PATH`, `HOME`, `LANG`, `TZ` and what `environment` adds. It has told the members
/// when its output has ended *and* it has exited with status 0; anything else proves nothing. A background child that
/// keeps the output open keeps the fetch waiting until the time is up.
package struct CommandSource: MemberSource {
    package let kind = "command"

    private let arguments: [String]
    private let column: String?
    private let timeout: Int
    private let outputLimit: Int
    private let workingDirectory: String
    private let environment: [String: String]

    /// How much of stderr is kept for the message, from its start.
    private static let complaintLimit = 4_096
    /// How long the program may stay unwatched, which is how late a stop may be noticed, in milliseconds.
    private static let watchInterval: Int64 = 100

    /// - Parameters:
    ///   - argv: the program and its arguments, passed on exactly.
    ///   - column: the name of the column with the ids; nil when one id a line is printed, without a header.
    ///   - timeout: seconds from the start until the program is killed.
    ///   - outputLimit: bytes it may print in all.
    ///   - workingDirectory: where it starts; a program with a relative path is looked up from there.
    ///   - environment: more variables for the program; only names that begin with `ROLLCALL_` are passed on. None is
    ///     taken over from this process, because secrets may be kept there.
    package init(
        argv: [String], column: String?, timeout: Int, outputLimit: Int, workingDirectory: String,
        environment: [String: String] = [:]
    ) {
        self.arguments = argv
        self.column = column
        self.timeout = timeout
        self.outputLimit = outputLimit
        self.workingDirectory = workingDirectory
        self.environment = environment
    }

    package var definition: String {
        let command = "command " + arguments.map { "\"\($0)\"" }.joined(separator: " ")
        return column.map { "\(command), column \($0)" } ?? command
    }

    package func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        try checkArguments()
        if stop.isRaised { throw .stopped }
        var child = try ChildProcess(arguments, environment: variables, directory: workingDirectory)
        var reading = CommandReading(
            parser: CSVRowParser(
                column: column, header: column == nil ? .absent : .present, subject: "the output of \(arguments[0])"),
            deadline: monotonicMilliseconds() + Int64(max(0, min(timeout, 1_000_000_000))) * 1000)
        defer { reading.close() }
        while try watch(&child, &reading, into: rows, stop: stop) {}
        try reading.parser.finish(into: rows)
        if stop.isRaised { throw .stopped }
    }

    /// Finds the program without running it.
    package func probe() throws(SourceError) -> String {
        try checkArguments()
        let program = arguments[0]
        let name = PrintableText.from(program)
        let folders = variables.first { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ""
        let candidates =
            program.contains("/") ? [program] : folders.split(separator: ":").map { "\($0)/\(program)" }
        for candidate in candidates {
            let path = candidate.hasPrefix("/") ? candidate : "\(workingDirectory)/\(candidate)"
            var status = stat()
            let isFile = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            guard isFile, access(path, X_OK) == 0 else { continue }
            return "\(PrintableText.from(path)) is there and executable; it was not run"
        }
        throw .misconfigured("the command \(name) was not found; install it or give its whole path")
    }

    /// Waits for the next output or the end. Returns false when the program has told everything.
    private func watch(
        _ child: inout ChildProcess, _ reading: inout CommandReading, into rows: any MemberRows, stop: StopFlag
    ) throws(SourceError) -> Bool {
        if stop.isRaised { throw .stopped }
        let left = reading.deadline - monotonicMilliseconds()
        guard left > 0 else {
            throw .unavailable("\(subject) did not finish within \(timeout) s and was killed")
        }
        var wait = min(left, Self.watchInterval)
        if reading.isOutputOver {
            if let end = child.endIfReached() {
                reading.drainComplaints(of: child.complaints, limit: Self.complaintLimit)
                try judge(end, complaints: reading.complaints)
                return false
            }
            // The end of a program is not something that poll can wait for; it is near, so looks are frequent.
            reading.looks = min(reading.looks + 1, 6)
            wait = min(wait, 1 << Int64(reading.looks))
        }
        var watched = [
            pollfd(fd: reading.isOutputOver ? -1 : child.output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: reading.areComplaintsOver ? -1 : child.complaints, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&watched, 2, Int32(wait)) >= 0 || errno == EINTR else {
            throw .unavailable("\(subject) could not be watched: \(explain(errno))")
        }
        if watched[1].revents != 0 { reading.readComplaints(from: child.complaints, limit: Self.complaintLimit) }
        if watched[0].revents != 0 { try readOutput(of: child, &reading, into: rows) }
        return true
    }

    private func readOutput(
        of child: borrowing ChildProcess, _ reading: inout CommandReading, into rows: any MemberRows
    ) throws(SourceError) {
        let count = read(child.output, reading.buffer.baseAddress, reading.buffer.count)
        if count < 0 {
            guard errno == EINTR || errno == EAGAIN else {
                throw .unavailable("the output of \(subject) could not be read: \(explain(errno))")
            }
        } else if count == 0 {
            reading.isOutputOver = true
        } else {
            reading.total += count
            guard reading.total <= outputLimit else {
                throw .unavailable("\(subject) printed more than \(grouped(outputLimit)) bytes and was killed")
            }
            try reading.parser.consume(UnsafeRawBufferPointer(rebasing: reading.buffer[..<count]), into: rows)
        }
    }

    private func judge(_ end: ChildProcess.End, complaints: [UInt8]) throws(SourceError) {
        let line = PrintableText.firstLine(of: complaints)
        let reason = line.isEmpty ? "" : ": \(line)"
        switch end {
        case .exit(0): return
        case .exit(let status): throw .unavailable("\(subject) exited with status \(status)\(reason)")
        case .signal(let number): throw .unavailable("\(subject) was killed by signal \(number)\(reason)")
        case .unknown: throw .unavailable("\(subject) ended and its exit status is not known\(reason)")
        }
    }

    /// The program alone: its arguments may be long, or tell something that does not belong in a log.
    private var subject: String { "the command \(PrintableText.from(arguments.first ?? ""))" }

    private func checkArguments() throws(SourceError) {
        guard let program = arguments.first, !program.isEmpty else {
            throw .misconfigured("the command is empty; it must be a list of a program and its arguments")
        }
        guard arguments.allSatisfy({ !$0.utf8.contains(0) }), !workingDirectory.utf8.contains(0) else {
            throw .misconfigured("\(subject) has an argument with a NUL byte, which no program can be given")
        }
    }

    private var variables: [String] {
        var result: [String] = []
        for name in ["PATH", "HOME", "LANG", "TZ"] {
            if let value = getenv(name) {
                result.append("\(name)=\(String(cString: value))")
            } else if name == "PATH" {
                result.append("PATH=/usr/local/bin:/usr/bin:/bin")
            }
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("ROLLCALL_") {
            let isWhole = !(name + value).utf8.contains(0) && !name.utf8.contains(UInt8(ascii: "="))
            guard isWhole else { continue }
            result.append("\(name)=\(value)")
        }
        return result
    }
}

/// What is known of a program while it is being read.
private struct CommandReading {
    var parser: CSVRowParser
    /// When the time is up, in monotonic milliseconds.
    let deadline: Int64
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 64)
    var total = 0
    var isOutputOver = false
    var complaints: [UInt8] = []
    var areComplaintsOver = false
    /// How often the program was looked at since its output ended.
    var looks = 0

    func close() {
        buffer.deallocate()
    }

    /// Reads once from stderr; what is over the limit is read and forgotten, so that the program does not block.
    /// - Returns: whether there may be more at once.
    @discardableResult
    mutating func readComplaints(from descriptor: Int32, limit: Int) -> Bool {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 {
            complaints.append(contentsOf: buffer[..<count].prefix(max(0, limit - complaints.count)))
            return true
        }
        if count == 0 || (errno != EINTR && errno != EAGAIN) { areComplaintsOver = true }
        return false
    }

    mutating func drainComplaints(of descriptor: Int32, limit: Int) {
        while !areComplaintsOver && complaints.count < limit {
            guard readComplaints(from: descriptor, limit: limit) else { return }
        }
    }
}
