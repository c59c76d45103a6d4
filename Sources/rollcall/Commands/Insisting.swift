import Configuration
import Control
import SyncEngine

/// Work that another process may be asked to do just when it lets go of the workspace: it is tried again then.
enum Insisting {
    /// The run once it is held or finished. When the process that carries it goes away, another one that has the
    /// workspace then is asked, or this one takes the run over.
    static func settled(_ run: String, _ session: Session) async throws -> RunView {
        do throws(Refusal) {
            return try await session.control.settled(run)
        } catch {
            guard session.isAttached, error.code == 75 else { throw error }
            // A service that was stopped comes back and resumes; it must not find its workspace taken.
            if session.holder == HostedEngine.Purpose.serve.rawValue
                || session.holder == HostedEngine.Purpose.dashboard.rawValue {
                throw Refusal(code: 1, message: "the engine stopped; run \(run) goes on when it starts again")
            }
        }
        while true {
            let next = try await Session.working(.sync) { _ in .everything }
            do throws(Refusal) {
                let view = try await next.control.settled(run)
                await next.end()
                return view
            } catch {
                await next.end()
                guard next.isAttached, error.code == 75 else { throw error }
                try? await Task.sleep(nanoseconds: 100_000_000)
            }
        }
    }

    static func on<Value>(
        _ purpose: HostedEngine.Purpose, retryFor: Double? = nil,
        resuming resume: (LoadedConfiguration) throws(Failure) -> ResumePolicy = { _ in .nothing },
        _ body: (Session) async throws -> Value
    ) async throws -> Value {
        var tries = 0
        while true {
            let session = try await Session.working(purpose, retryFor: retryFor, resuming: resume)
            do {
                let value = try await body(session)
                await session.end()
                return value
            } catch let refusal as Refusal {
                await session.end()
                tries += 1
                guard session.isAttached, refusal.code == 75, tries < 50 else {
                    throw Failure(Int32(refusal.code), refusal.message)
                }
                try? await Task.sleep(nanoseconds: 100_000_000)
            } catch {
                await session.end()
                throw error
            }
        }
    }
}
