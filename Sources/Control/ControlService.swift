/// Everything a person can see of an engine and ask of it. The engine answers it in process; ``SocketControl`` asks the
/// engine that serves a workspace. Whoever uses it cannot tell which.
package protocol ControlService: Sendable {
    func engine() async throws(Refusal) -> EngineView
    func status(_ syncs: [String]?) async throws(Refusal) -> [StatusView]
    /// Every sync that is configured or that a ledger or a run still knows, configured ones first.
    func syncs() async throws(Refusal) -> [SyncNameView]
    func destinations() async throws(Refusal) -> [DestinationView]
    /// The sources that count downloads, and what is left of their month.
    func quotas() async throws(Refusal) -> [QuotaView]
    /// The cohorts of every source that can list its own, configured or not.
    func catalog() async throws(Refusal) -> [CatalogView]
    func runs(_ query: RunQuery) async throws(Refusal) -> [RunView]
    func run(_ id: String) async throws(Refusal) -> RunView
    /// Calls `visit` for each event until it returns false.
    func events(
        _ query: EventQuery, visit: @escaping @Sendable (EventView) async -> Bool
    ) async throws(Refusal)
    func user(_ id: String) async throws(Refusal) -> [UserView]
    /// Calls `visit` for each member that the destination has been told of, until it returns false.
    func members(
        _ sync: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal)
    /// The same for an earlier moment, in RFC 3339.
    func members(
        _ sync: String, at time: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal)
    func rejects(_ syncs: [String]?) async throws(Refusal) -> [RejectView]
    func overlap(_ a: String, _ b: String) async throws(Refusal) -> OverlapView

    func plan(_ query: PlanQuery) async throws(Refusal) -> [PlanView]
    func sync(_ request: SyncRequest) async throws(Refusal) -> [RunView]
    /// Returns once the run is held or finished.
    func settled(_ run: String) async throws(Refusal) -> RunView
    func approve(_ action: RunRequest) async throws(Refusal) -> RunView
    func discard(_ action: RunRequest) async throws(Refusal) -> RunView
    func cancel(_ action: RunRequest) async throws(Refusal) -> RunView
    /// Plans the inverse of a run; the plan is held.
    func undo(_ action: RunRequest) async throws(Refusal) -> RunView
    /// Plan to tell everyone `false`, and to move everyone to a changed trait; each plan is held.
    func retire(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView]
    func migrate(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView]
    func purge(_ request: PurgeRequest) async throws(Refusal) -> PurgeView
    func dismiss(_ action: RejectAction) async throws(Refusal)
    func freeze(_ request: FreezeRequest) async throws(Refusal)
    func pause(_ request: PauseRequest) async throws(Refusal)
    func schedule(_ request: ScheduleRequest) async throws(Refusal)

    /// Every change from now on, as many at a time as belong together. Ends when the engine goes away, and for a watcher that
    /// does not keep up: it has to ask for everything anew.
    func changes() async throws(Refusal) -> AsyncStream<[ChangeNotice]>
}
