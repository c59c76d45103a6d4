import Foundation
import MailClient
import SyncEngine

/// Tells alerts by mail through a server.
package struct MailAlertChannel: AlertChannel {
    package let key: String
    private let server: MailServer
    private let to: [String]
    private let from: String
    private let milliseconds: Int

    /// - Parameter timeoutSeconds: for one mail, after which it is given up.
    package init(key: String, server: MailServer, to: [String], from: String, timeoutSeconds: Int) {
        self.key = key
        self.server = server
        self.to = to
        self.from = from
        milliseconds = timeoutSeconds * 1000
    }

    package func deliver(_ messages: [AlertMessage]) async -> AlertDelivery {
        let mail = AlertMail.bytes(of: messages, to: to, from: from)
        // The exchange blocks its thread, which must not be one of the concurrency pool.
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { [server, to, from, milliseconds] in
                let complaint = server.send(mail, from: from, to: to, milliseconds: milliseconds)
                continuation.resume(returning: complaint.map { .failed($0) } ?? .delivered)
            }
        }
    }
}
