import Control
import Scheduling

/// What is decided before the dashboard opens.
package struct DashboardOptions: Sendable {
    /// Nothing outside the dashboard can be changed.
    package var isReadOnly = false
    /// The terminal shows ASCII only.
    package var isASCII = false
    package var theme = Theme.terminal
    package var isMouseOn = false
    /// The workspace's name in the header.
    package var workspace = ""
    /// The zone in which local times are shown.
    package var zone = Zone.utc
    package var zones = ZoneLookup.system
    package var keymap = Keymap.standard
    /// Columns to hide at first, by list (`columns:` of `dashboard.yaml`).
    package var hiddenColumns: [ListKind: Set<String>] = [:]

    package init() {}
}

/// Everything the dashboard is at one moment: a value. ``update(_:)`` is the only way it changes, `present` turns it into
/// a screen; neither does anything else.
package struct DashboardModel: Sendable {
    package static let messageCapacity = 100
    /// How long a pause can be undone, and how long a toast stays, in milliseconds.
    static let undoSpan: Int64 = 10_000
    static let toastSpan: Int64 = 6_000

    package let options: DashboardOptions
    package internal(set) var theme: Theme
    package internal(set) var timeMode = TimeMode.relative
    package internal(set) var isMouseOn: Bool
    package internal(set) var connection = ConnectionState.connecting
    /// The engine lives in this process, so quitting ends its runs.
    var isHosted = false
    package internal(set) var screen: Screen {
        get { stack.last ?? .overview }
        set { stack[stack.count - 1] = newValue }
    }
    /// What was said on the line above the keys, oldest first.
    package internal(set) var messages: [Toast] = []
    /// Asked to quit: the host ends the dashboard.
    package internal(set) var isQuitting = false

    var data = DashboardData()
    /// The display as it was when it was told to hold still.
    var heldDisplay: HeldDisplay?
    var now: Instant
    var width = 80
    var height = 24
    var stack: [Screen] = [.overview]
    var layers: [Layer] = []
    var lists: [ListKind: ListState] = [:]
    var toast: Toast?
    var undo: Undo?
    var editor: ScheduleEditor?
    var tab = CohortTab.summary
    var pane = OverviewPane.table
    /// Whether a snapshot of the syncs has ever come.
    var hasSnapshot = false
    var waiting: Set<Question> = []
    /// Asked again as soon as the answer under way has come.
    var askAgain: Set<Question> = []
    var lastSequence: Int?
    var lastRefresh: Instant
    var interruptedAt: Instant?
    var wantsEditor: String?
    var recentCommands: [String] = []
    var outbox: [Effect] = []

    struct HeldDisplay: Sendable {
        var data: DashboardData
        var now: Instant
    }

    struct Undo: Sendable {
        var effect: Effect
        var sentence: String
        var until: Instant
    }

    package init(options: DashboardOptions = DashboardOptions(), now: Instant) {
        self.options = options
        self.now = now
        theme = options.theme
        isMouseOn = options.isMouseOn
        lastRefresh = now
        for kind in ListKind.allCases {
            var list = ListState()
            list.hiddenColumns = options.hiddenColumns[kind] ?? []
            list.sort = Self.firstSort(of: kind)
            lists[kind] = list
        }
    }

    private static func firstSort(of kind: ListKind) -> SortOrder? {
        switch kind {
        case .syncs: SortOrder(column: "sync")
        case .wall: SortOrder(column: "status")
        case .destinations: SortOrder(column: "destination")
        case .fires: SortOrder(column: "at")
        default: nil
        }
    }

    /// What to do when the dashboard opens. The engine is asked once it is live: what it said before would be asked for again.
    package mutating func start() -> [Effect] {
        if isMouseOn { outbox.append(.setMouse(true)) }
        return drain()
    }

    mutating func drain() -> [Effect] {
        let effects = outbox
        outbox = []
        return effects
    }

    /// What is shown comes from the workspace's files, since no engine serves it.
    var isWithoutEngine: Bool { data.engine?.purpose == "none" }

    /// What screens show: the present, or the held past.
    var shown: DashboardData { heldDisplay?.data ?? data }
    var shownNow: Instant { heldDisplay?.now ?? now }
    var currentList: ListKind? { screen.list(tab: tab) }
    /// Whether the engine has answered everything that was asked: what shows is the whole of it.
    package var isSettled: Bool { hasSnapshot && waiting.isEmpty }
    var isEmpty: Bool { hasSnapshot && shown.syncs.isEmpty }

    /// Whether the connection makes what is shown doubtful.
    var isStale: Bool {
        switch connection {
        case .live: false
        case .connecting: hasSnapshot
        case .stale, .reconnecting: true
        }
    }

    func list(_ kind: ListKind) -> ListState { lists[kind] ?? ListState() }

    /// What the list in front leaves out, for the line above it; nil when it holds everything.
    package var omission: String? {
        let data = shown
        switch screen {
        case .events: return data.eventsAreWhole ? nil : "older ones: U looks a user up, `rollcall events` has all"
        case .run(let id):
            let held = data.runStream.count
            guard data.runEventsOf == id, let run = data.runs.row(id), run.changes > held, held > 0 else { return nil }
            return "of \(NumberText.grouped(run.changes)), `rollcall events --run \(run.view.run)` has all"
        default: return nil
        }
    }

    /// Whether the events that are held go back as far as that before now, or to the very first one.
    func eventsReachBack(milliseconds span: Int64) -> Bool {
        let data = shown
        if data.eventsAreWhole { return true }
        guard let oldest = data.events[data.events.first]?.at else { return false }
        return shownNow.milliseconds(since: oldest) >= span
    }

    // MARK: - Saying

    mutating func say(_ text: String, _ level: Toast.Level = .info) {
        let until: Int64? = level == .error ? nil : now.advanced(milliseconds: Self.toastSpan).milliseconds
        let toast = Toast(text: String(text.prefix(2_000)), level: level, until: until, at: now.milliseconds)
        self.toast = toast
        messages.append(toast)
        if messages.count > Self.messageCapacity { messages.removeFirst() }
    }

    // MARK: - Asking

    mutating func ask(_ question: Question) {
        if waiting.contains(question) {
            askAgain.insert(question)
        } else {
            waiting.insert(question)
            outbox.append(.ask(question))
        }
    }

    mutating func answered(_ question: Question) {
        waiting.remove(question)
        if askAgain.remove(question) != nil { ask(question) }
    }

    mutating func askForEverything() {
        waiting = []
        askAgain = []
        for question in [
            Question.status, .engine, .configuration, .destinations, .runs(limit: 500), .rejects,
            .backlog(limit: data.hasBacklog ? DashboardData.gapLimit : DashboardData.backlogLimit),
        ] {
            ask(question)
        }
        askForDetails()
    }

    /// What the screen in front shows beyond the common data.
    mutating func askForDetails() {
        switch screen {
        case .run(let run):
            ask(.run(run.text))
            ask(.runEvents(run: run.text, limit: DashboardData.detailCapacity))
        case .user(let user): ask(.user(user.text))
        case .cohort(let sync):
            ask(.runsOf(sync: sync.text, before: nil, limit: 64))
            if tab == .members { ask(.members(sync: sync.text, limit: DashboardData.detailCapacity)) }
        case .destinations, .wallboard, .engine:
            ask(.destinations)
            ask(.engine)
        case .rejects: ask(.rejects)
        default: break
        }
    }
}
