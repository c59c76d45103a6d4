import Configuration
import Foundation
import HTTPClient
import SQLiteStore
import Scheduling
import SyncEngine
import Synchronization

@testable import rollcall

/// Opens a state folder as the program does, without its process: state folder, store, engine, interrupted runs, and a sync.
struct StateOpener {
    private let receiver = PlainReceiver()
    private let workspace: String
    private let model: WorkspaceConfiguration

    init(_ workspace: String) throws {
        self.workspace = workspace
        model = try Configuration.load(workspace: workspace).model
    }

    enum Opening: Sendable, Equatable {
        /// The receiver holds what it should.
        case right
        /// Nothing was done, for this reason.
        case refused(String)
        /// The receiver was told what it should not have been, or not told what it should.
        case wrong(String)
    }

    /// - Parameter told: what the receiver heard before.
    func goOn(in folder: String, telling told: inout ToldStory) async -> Opening {
        let state = StateFolder(path: folder)
        receiver.bodies.withLock { $0 = [] }
        do {
            try state.prepare()
            let store = try SQLiteStore(path: state.database)
            var wiring = Wiring(workspace: workspace, transport: receiver)
            let log = Mutex<[String]>([])
            let engine = Engine(context: EngineContext(
                store: store, clock: SystemClock(), folder: state, namespace: try await store.namespace(),
                log: EngineLog { _, line in log.withLock { $0.append(line) } }))
            // What it left open it would otherwise take up again, in a folder that is another case by then.
            defer { Task { await engine.suspendAll(within: 0) } }
            // As for a sync in the foreground: a service would go on trying until the file is back.
            try await engine.start(wiring.engineConfiguration(of: model), resuming: .everything, retryFor: 1_000)
            for run in await engine.unfinishedWork() { _ = await engine.settled(run) }
            var options = RunOptions()
            options.retryFor = 1_000
            let started = try await engine.start(
                [SyncID(cohort: "vip", destination: "seg")], trigger: .manual, options: options)
            for record in started {
                let last = await engine.settled(record.id)
                guard last?.outcome == .succeeded || last?.outcome == .unchanged else {
                    return .refused("\(last?.describedState ?? "no run"): \(last?.reason ?? "") \(log.withLock { $0 })")
                }
            }
            for message in receiver.bodies.withLock({ $0 }).flatMap(Self.messages) {
                if let complaint = told.take(message) { return .wrong(complaint) }
            }
            return told.complaint.map(Opening.wrong) ?? .right
        } catch {
            return .refused("\(error)")
        }
    }

    /// The messages of a request's body, behind its head if that is there, when the receiver takes it.
    static func messages(_ request: [UInt8]) -> [JSON] {
        let text = String(decoding: request, as: UTF8.self)
        let body = text.range(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? text
        guard let batch = try? JSON(parsing: Array(body.utf8)).list("batch"), batch.count <= FaultBench.most else { return [] }
        return batch
    }
}

/// Takes every request that is small enough.
private final class PlainReceiver: HTTPTransport {
    let bodies = Mutex<[[UInt8]]>([])

    func exchange(_ request: HTTPRequest) async -> HTTPExchange {
        let body = request.bodyParts.flatMap { $0 }
        let batch = try? JSON(parsing: body).list("batch")
        guard let batch, batch.count <= FaultBench.most else {
            return .answer(HTTPAnswer(status: 413, body: Array("{\"success\":false}".utf8)))
        }
        bodies.withLock { $0.append(body) }
        return .answer(HTTPAnswer(status: 200, body: Array("{\"success\":true}".utf8)))
    }
}
