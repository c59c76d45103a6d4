import Control
import Membership
import Scheduling
import SyncEngine

// What a person asks for by name, and what is asked of ledgers and of the past.

extension EngineControl {
    package func undo(_ action: RunRequest) async throws(Refusal) -> RunView {
        do throws(EngineRefusal) {
            return RunView(try await engine.undo(try engineRunID(action.run), actor: actor, reason: action.reason))
        } catch {
            throw Refusal(error)
        }
    }

    package func retire(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView] {
        var views: [RunView] = []
        for sync in try syncIDs(request.syncs) {
            do throws(EngineRefusal) {
                views.append(RunView(try await engine.retire(sync, actor: actor, reason: request.reason)))
            } catch {
                throw Refusal(error)
            }
        }
        return views
    }

    package func migrate(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView] {
        var views: [RunView] = []
        for sync in try syncIDs(request.syncs) {
            do throws(EngineRefusal) {
                views.append(RunView(try await engine.migrate(sync, actor: actor, reason: request.reason)))
            } catch {
                throw Refusal(error)
            }
        }
        return views
    }

    package func purge(_ request: PurgeRequest) async throws(Refusal) -> PurgeView {
        guard let member = MemberID(request.user) else {
            throw Refusal(code: 64, message: "a user id has 1 to 1,024 bytes; this one has \(request.user.utf8.count)")
        }
        do throws(EngineRefusal) {
            let summary = try await engine.purge(member, actor: actor, reason: request.reason)
            return PurgeView(
                runs: summary.runs, events: summary.events, rejects: summary.rejects,
                dismissals_kept: summary.dismissals, told: summary.told.map(\.description))
        } catch {
            throw Refusal(error)
        }
    }

    package func overlap(_ a: String, _ b: String) async throws(Refusal) -> OverlapView {
        let syncs = try syncIDs([a, b])
        do {
            let first = try history.ledger(of: await engine.state(of: syncs[0]))
            let second = try history.ledger(of: await engine.state(of: syncs[1]))
            let sizes = try Ledger.overlap(first, second)
            return OverlapView(sync_a: a, sync_b: b, a: sizes.a, b: sizes.b, both: sizes.both)
        } catch {
            throw Refusal(error)
        }
    }

    package func members(
        _ sync: String, at time: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal) {
        guard let id = SyncID(sync) else { throw Refusal(code: 64, message: "\(sync) is not cohort@destination") }
        guard let instant = Instant.parse(rfc3339: time) else {
            throw Refusal(code: 64, message: "\(time) is no time; write it like 2026-03-01T12:00:00Z")
        }
        do {
            var past = try await history.members(
                of: await engine.state(of: id), at: instant, states: await engine.allStates,
                now: engine.context.clock.now(), retention: await engine.retention)
            while let member = try past.next() {
                guard await visit(MemberView(sync: sync, member: member.text)) else { return }
            }
        } catch PastMembersError.tooLongAgo {
            throw Refusal(code: 1, message: "the history of \(sync) does not reach back to \(time)")
        } catch PastMembersError.tooManyRuns(let count) {
            throw Refusal(code: 1, message: "\(count) runs changed \(sync) since \(time), more than can be read together")
        } catch {
            throw Refusal(error)
        }
    }
}
