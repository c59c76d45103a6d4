import Glibc

/// How a receiver runs.
package struct ReceiverSettings: Sendable {
    /// Where it listens.
    package var address: ListenAddress
    /// Where it keeps its tables.
    package var store: StoreLocation
    /// The faults it rehearses from the start; see ``Receiver/setFaults(_:)``.
    package var faults: FaultScript
    /// How many of the latest request records and reports are kept in memory.
    package var keepsRequests: Int
    /// The write keys it knows; any other is answered 401. Nil knows all, as Segment answers 200 to any.
    package var writeKeys: Set<String>?
    /// Whether each request gets a row in the table `requests`, refused ones too.
    package var logsRequests: Bool
    /// The documented limits it enforces.
    package var limits: SegmentLimits
    /// Milliseconds since 1970 by which messages are received; nil for the machine's clock. A rehearsal on a faster
    /// clock gives its own, because Segment's rule compares the sender's clock with the receiver's.
    package var clock: (@Sendable () -> Int64)?

    package init(
        address: ListenAddress = .standard, store: StoreLocation = .memory, faults: FaultScript = .none,
        keepsRequests: Int = 1000, writeKeys: Set<String>? = nil, logsRequests: Bool = true,
        limits: SegmentLimits = SegmentLimits()
    ) {
        self.address = address
        self.store = store
        self.faults = faults
        self.keepsRequests = keepsRequests
        self.writeKeys = writeKeys
        self.logsRequests = logsRequests
        self.limits = limits
    }
}

/// Where the tables live.
package enum StoreLocation: Sendable, Equatable {
    /// In memory, gone when the receiver is.
    case memory
    /// In a SQLite file, which is made (mode 0600) when it does not exist.
    case file(String)
}

/// Segment's documented limits
/// (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size).
///
/// A KB is read as 1,024 bytes, as Segment's own libraries read it (`32 << 10`), and measured on the JSON text after
/// decompression. A message is measured as it stands in the batch, from brace to brace.
package struct SegmentLimits: Sendable, Equatable {
    /// Bytes of one request; more is answered 400.
    package var requestBytes = 500 * 1024
    /// Bytes of one message; more is answered 400, and nothing of the request is stored.
    package var messageBytes = 32 * 1024
    /// Messages of one batch; more is answered 200 and all of them are dropped.
    package var batchMessages = 2500
    /// Characters of a `messageId`; a message with a longer one is dropped.
    package var messageIDCharacters = 100
    /// Traits of one identify; more is reported (Unify takes fewer than 300).
    package var traits = 299
    /// Properties of one event; more is reported.
    package var properties = 10_000

    package init() {}
}

/// A host and a port to listen on.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// An IPv4 or IPv6 address in figures.
    package var host: String
    /// The port; 0 takes any free one.
    package var port: UInt16

    /// 127.0.0.1:8844.
    package static let standard = ListenAddress(host: "127.0.0.1", port: 8844)

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:8844`, `[::1]:8844`, `localhost:8844`, `:8844` or `8844`; without a host it is 127.0.0.1,
    /// without a port 8844.
    ///
    /// - Throws: ``ReceiverError/badAddress(_:)`` for anything else. Names other than `localhost` are not looked up.
    package init(parsing text: String) throws(ReceiverError) {
        let fault = ReceiverError.badAddress(text)
        var host = text
        var port = "8844"
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw fault }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.first == ":" else { throw fault }
                port = String(rest.dropFirst())
            }
        } else if let colon = text.firstIndex(of: ":"), text[colon...].dropFirst().firstIndex(of: ":") == nil {
            host = String(text[..<colon])
            port = String(text[text.index(after: colon)...])
        } else if !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) {
            host = ""
            port = text
        }
        guard port.utf8.first != UInt8(ascii: "+"), let number = UInt16(port) else { throw fault }
        let named = host.isEmpty || host == "localhost" ? "127.0.0.1" : host
        guard Self.isIPv4(named) || Self.isIPv6(named) else { throw fault }
        self.init(host: named, port: number)
    }

    package var description: String { Self.isIPv6(host) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }

    static func isIPv4(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1
    }

    static func isIPv6(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }
}

/// Why a receiver cannot run or answer. The text is for a person.
package enum ReceiverError: Error, Sendable, Equatable, CustomStringConvertible {
    /// This is no address to listen on.
    case badAddress(String)
    /// The address is taken or may not be used.
    case cannotListen(address: String, reason: String)
    /// The store's file is something else, damaged, or cannot be opened.
    case storeUnusable(path: String, reason: String)
    /// A read or write of the store failed: disk full, file locked.
    case storeFailed(String)
    /// It listens already.
    case alreadyStarted

    package var description: String {
        switch self {
        case .badAddress(let text):
            "“\(text)” is no address to listen on; write it like 127.0.0.1:8844 or [::1]:8844"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .storeUnusable(let path, let reason): "cannot use the store \(path): \(reason)"
        case .storeFailed(let reason): "the store failed: \(reason)"
        case .alreadyStarted: "the receiver listens already"
        }
    }
}
