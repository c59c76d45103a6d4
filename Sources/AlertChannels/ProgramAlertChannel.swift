import Foundation
import Scheduling
import SyncEngine

/// Tells alerts through a program: the facts as JSON on its stdin, or a mail on that of `sendmail`.
package struct ProgramAlertChannel: AlertChannel {
    /// What the program is given.
    package enum Input: Sendable {
        case facts
        case mail(to: [String], from: String)
    }

    package let key: String
    private let arguments: [String]
    private let input: Input
    private let folder: String
    private let milliseconds: Int64

    /// - Parameters:
    ///   - arguments: the program and its arguments; no shell reads them.
    ///   - folder: where it is started.
    ///   - timeoutSeconds: after which it is ended.
    package init(key: String, arguments: [String], input: Input, folder: String, timeoutSeconds: Int) {
        self.key = key
        self.arguments = arguments
        self.input = input
        self.folder = folder
        milliseconds = Int64(timeoutSeconds) * 1000
    }

    package func deliver(_ messages: [AlertMessage]) async -> AlertDelivery {
        let bytes: [UInt8] =
            switch input {
            case .facts: AlertFactsJSON.bytes(of: messages)
            case .mail(let to, let from): AlertMail.bytes(of: messages, to: to, from: from)
            }
        // A program blocks its thread, which must not be one of the concurrency pool.
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { [arguments, folder, milliseconds] in
                continuation.resume(returning: AlertProgram.run(
                    arguments, input: bytes, in: folder, milliseconds: milliseconds))
            }
        }
    }
}
