import CPostgres
import Glibc
import SyncEngine

/// A result of libpq, freed with this value.
package struct PostgresResult: ~Copyable {
    let pointer: OpaquePointer

    deinit {
        PQclear(pointer)
    }

    /// Number of rows.
    package var rowCount: Int32 { PQntuples(pointer) }

    /// Bytes that libpq holds for this result.
    package var memory: Int { PQresultMemorySize(pointer) }

    /// The value of a row, nil when it is NULL. Valid as long as this result.
    package borrowing func value(row: Int32, column: Int32) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(pointer, row, column) == 0, let start = PQgetvalue(pointer, row, column) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(pointer, row, column)))
    }

    /// The columns' names, in order.
    package borrowing func columnNames() -> [[UInt8]] {
        (0..<PQnfields(pointer)).map { column in
            PQfname(pointer, column).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
        }
    }

    /// A field of an error report, by its letter in libpq's protocol; empty when there is none.
    package borrowing func errorField(_ letter: Unicode.Scalar) -> [UInt8] {
        guard let text = PQresultErrorField(pointer, Int32(letter.value)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

/// A connection that runs one statement at a time and never waits longer than a moment without looking at `stop`.
package final class PostgresSession {
    private let connection: OpaquePointer
    private let address: PostgresAddress
    private let stop: StopFlag
    /// The SQLSTATE of the last statement that failed; empty when the connection itself failed.
    package private(set) var lastState = ""
    /// A monotonic millisecond after which every statement is given up; nil for none. See ``allow(milliseconds:)``.
    private var deadline: Int64?

    /// How late a stop may be noticed, in milliseconds.
    private static let watchInterval: Int64 = 100

    /// Connects. What the URL says wins over the time-outs and keepalives set here; the encoding is always UTF-8.
    package init(_ address: PostgresAddress, stop: StopFlag) throws(SourceError) {
        self.address = address
        self.stop = stop
        let settings: [(String, String)] = [
            ("fallback_application_name", "rollcall"),
            ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            // Lets the system give up a host that does not answer, so that libpq goes on to the next.
            ("tcp_user_timeout", String(address.connectTimeout * 1000)),
            ("dbname", address.url),
            ("client_encoding", "UTF8"),
        ]
        guard let connection = Self.start(settings) else {
            throw .unavailable("PostgreSQL: out of memory")
        }
        self.connection = connection
        // By itself libpq prints notices to stderr, which may be a screen.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        try connect()
    }

    deinit {
        PQfinish(connection)
    }

    /// Server, database, user and encryption for a person.
    package var summary: String {
        let version = Int(PQserverVersion(connection))
        let database = PQdb(connection).map { ServerText.shown(String(cString: $0)) } ?? ""
        let user = PQuser(connection).map { ServerText.shown(String(cString: $0)) } ?? ""
        let encryption = PQsslInUse(connection) == 1 ? "TLS" : "no TLS"
        return "PostgreSQL \(version / 10_000).\(version % 10_000), database \(database), user \(user), \(encryption)"
    }

    /// Bounds everything that follows until the next call.
    package func allow(milliseconds: Int64) { deadline = monotonicMilliseconds() + milliseconds }

    /// Whether the connection is of no more use.
    package var isLost: Bool { PQstatus(connection) == CONNECTION_BAD }

    /// Runs `COPY … FROM STDIN` with all of its data in PostgreSQL's text format.
    package func copy(_ sql: String, _ data: [UInt8]) throws(SourceError) {
        if stop.isRaised { throw .stopped }
        guard PQsendQuery(connection, sql) == 1 else { throw lost() }
        try flush()
        guard let opened = try nextResult() else { throw lost() }
        guard PQresultStatus(opened.pointer) == PGRES_COPY_IN else {
            while try nextResult() != nil {}
            try check(opened, subject: "COPY")
            throw .unavailable("PostgreSQL: COPY was not begun")
        }
        try put(data)
        while true {
            let ended = PQputCopyEnd(connection, nil)
            if ended == 1 { break }
            guard ended == 0 else { throw lost() }
            _ = try wait(for: POLLOUT)
        }
        try flush()
        guard let result = try nextResult() else { throw lost() }
        while try nextResult() != nil {}
        try check(result, subject: "COPY")
    }

    private func put(_ data: [UInt8]) throws(SourceError) {
        let step = 64 << 10
        var position = 0
        while position < data.count {
            let end = min(position + step, data.count)
            let put = data[position..<end].withUnsafeBytes { bytes in
                PQputCopyData(
                    connection, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
            }
            if put == 1 {
                position = end
            } else {
                guard put == 0 else { throw lost() }
                _ = try wait(for: POLLOUT)
            }
        }
    }

    /// Runs one statement to its end.
    package func run(_ sql: String, subject: String = "PostgreSQL") throws(SourceError) -> PostgresResult {
        if stop.isRaised { throw .stopped }
        // The extended protocol takes a single statement, so that no text smuggles in another.
        let isSent = PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 0)
        return try takeResult(isSent: isSent, subject: subject)
    }

    /// The columns of an open cursor, without reading from it.
    package func describe(cursor: String) throws(SourceError) -> PostgresResult {
        try takeResult(isSent: PQsendDescribePortal(connection, cursor), subject: "PostgreSQL")
    }

    /// The number PostgreSQL gives to the type of a column.
    package static func type(of column: Int32, in result: borrowing PostgresResult) -> UInt32 {
        PQftype(result.pointer, column)
    }

    private static func start(_ settings: [(String, String)]) -> OpaquePointer? {
        let names = settings.map { strdup($0.0) }
        let values = settings.map { strdup($0.1) }
        defer { (names + values).forEach { free($0) } }
        let namePointers = names.map { UnsafePointer($0) } + [nil]
        let valuePointers = values.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(namePointers, valuePointers, 1)
    }

    private func connect() throws(SourceError) {
        let seconds = address.connectTimeout * address.hostCount
        let deadline = monotonicMilliseconds() + Int64(seconds) * 1000
        guard PQstatus(connection) != CONNECTION_BAD else { throw connectionFailure() }
        var next = PGRES_POLLING_WRITING
        while next != PGRES_POLLING_OK {
            guard next != PGRES_POLLING_FAILED else { throw connectionFailure() }
            let isReady = try wait(
                for: next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until: deadline)
            guard isReady else {
                throw .unavailable("PostgreSQL did not answer within \(seconds) s; is host and port right?")
            }
            next = PQconnectPoll(connection)
        }
        guard PQsetnonblocking(connection, 1) == 0 else { throw connectionFailure() }
    }

    private func takeResult(isSent: Int32, subject: String) throws(SourceError) -> PostgresResult {
        guard isSent == 1 else { throw lost() }
        do throws(SourceError) {
            try flush()
            let result = try nextResult()
            guard let result else { throw lost() }
            // A statement has one result; whatever follows belongs to it and is read off.
            while try nextResult() != nil {}
            try check(result, subject: subject)
            return result
        } catch {
            if error == .stopped || isOverdue { cancel() }
            throw error
        }
    }

    private func flush() throws(SourceError) {
        while true {
            let state = PQflush(connection)
            if state == 0 { return }
            guard state == 1 else { throw lost() }
            _ = try wait(for: POLLOUT | POLLIN)
            guard PQconsumeInput(connection) == 1 else { throw lost() }
        }
    }

    private func nextResult() throws(SourceError) -> PostgresResult? {
        while PQisBusy(connection) == 1 {
            _ = try wait(for: POLLIN)
            guard PQconsumeInput(connection) == 1 else { throw lost() }
        }
        return PQgetResult(connection).map { PostgresResult(pointer: $0) }
    }

    /// Waits until the socket is ready. Returns false when the deadline passed.
    private func wait(for events: Int32, until deadline: Int64? = nil) throws(SourceError) -> Bool {
        while true {
            if stop.isRaised { throw .stopped }
            if isOverdue { throw .unavailable("PostgreSQL did not answer in time") }
            let left = deadline.map { $0 - monotonicMilliseconds() } ?? Self.watchInterval
            guard left > 0 else { return false }
            var watched = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            guard watched.fd >= 0 else { throw lost() }
            let ready = poll(&watched, 1, Int32(min(left, Self.watchInterval)))
            if ready > 0 { return true }
            if ready < 0 && errno != EINTR { throw .unavailable("PostgreSQL could not be watched: \(ServerText.explain(errno))") }
        }
    }

    private var isOverdue: Bool { deadline.map { monotonicMilliseconds() > $0 } ?? false }

    /// Asks the server to give up the statement, so that it does not go on for nobody.
    private func cancel() {
        guard PQtransactionStatus(connection) == PQTRANS_ACTIVE, let request = PQgetCancel(connection) else { return }
        defer { PQfreeCancel(request) }
        var reason = [CChar](repeating: 0, count: 256)
        _ = PQcancel(request, &reason, Int32(reason.count))
    }

    private func check(_ result: borrowing PostgresResult, subject: String) throws(SourceError) {
        let status = PQresultStatus(result.pointer)
        if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK { return }
        let state = String(decoding: result.errorField("C"), as: UTF8.self)
        lastState = state
        var message = address.cleaned(result.errorField("M"))
        if message.isEmpty { message = lastMessage() }
        let text = "\(subject): \(message)" + (state.isEmpty ? "" : " (\(ServerText.shown(state)))")
        throw Self.isMistake(state) ? .misconfigured(text) : .unavailable(text)
    }

    /// Whether an SQLSTATE says that the statement or the rights are wrong, so that trying again is no use.
    /// Classes of PostgreSQL's Appendix A: not supported, wrong credentials or names, syntax and access; and writing in
    /// a read-only transaction, and a parameter that nothing gives a value.
    private static func isMistake(_ state: String) -> Bool {
        ["0A", "26", "28", "34", "3D", "3F", "42"].contains(String(state.prefix(2)))
            || ["25006", "08P01"].contains(state)
    }

    private func connectionFailure() -> SourceError {
        if stop.isRaised { return .stopped }
        let message = lastMessage()
        // A failed connection has no SQLSTATE; these are the texts of libpq and an English server.
        let mistakes = [
            "authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry", "certificate",
            "does not support SSL", "permission denied", "invalid ",
        ]
        let isMistake = mistakes.contains { message.contains($0) }
        return isMistake ? .misconfigured("PostgreSQL: \(message)") : .unavailable("PostgreSQL: \(message)")
    }

    private func lost() -> SourceError {
        stop.isRaised ? .stopped : .unavailable("PostgreSQL: \(lastMessage())")
    }

    private func lastMessage() -> String {
        guard let text = PQerrorMessage(connection) else { return "the connection was lost" }
        let message = address.cleaned(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
        return message.isEmpty ? "the connection was lost" : message
    }
}
