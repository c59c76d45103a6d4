import Scheduling

/// What will fire next, all cohorts together.
enum Upcoming {
    /// How many cohorts are looked at, and for how many of them more than the next fire.
    private static let cohortLimit = 2_000
    private static let detailLimit = 100
    /// As many fires as a day has quarters of an hour.
    private static let dayLimit = 96

    static func plans(of configuration: ConfigurationFacts, zones: ZoneLookup) -> [CohortPlan] {
        var found: [String: Zone] = [:]
        return configuration.cohorts.prefix(cohortLimit).compactMap { cohort in
            let name = cohort.schedule.timezone ?? configuration.timezone
            if found[name] == nil, case .success(let zone) = zones.find(name) { found[name] = zone }
            guard let zone = found[name], let schedule = try? Schedule.read(cohort.schedule.when) else { return nil }
            let paused = Set(cohort.schedule.pausedDestinations.map(ByteText.init))
            let syncs = cohort.destinations.filter { !paused.contains(ByteText($0)) }.map { "\(cohort.key)@\($0)" }
            return CohortPlan(
                cohort: cohort.key, syncs: syncs, schedule: schedule, zone: zone,
                isPaused: cohort.schedule.isPaused || syncs.isEmpty)
        }
    }

    /// The fires of the coming day, the earliest first, at least the next one of every cohort. A cohort that fires more often
    /// than there is room for says so at its last one.
    static func fires(of plans: [CohortPlan], after now: Instant) -> [UpcomingFire] {
        let active = plans.filter { !$0.isPaused && !$0.schedule.isManual }
        let each = min(dayLimit, max(1, DashboardData.fireCapacity / max(1, active.count)))
        let end = now.advanced(seconds: 86_400)
        var fires: [UpcomingFire] = []
        for plan in active {
            // What fires every few minutes would drown the rest.
            let isDense = (plan.schedule.minimumSpacingSeconds ?? 0) < 900
            let limit = isDense ? min(each, 3) : each
            var own = plan.schedule.fires(after: now, through: end, in: plan.zone, limit: limit + 1)
            let isCut = own.count > limit
            if isCut { own.removeLast() }
            if own.isEmpty, let next = plan.schedule.next(after: now, in: plan.zone) { own = [next] }
            fires += own.map { fire in
                UpcomingFire(
                    id: ByteText("\(fire.nominal.seconds) \(plan.cohort)"), at: fire.nominal, fire: fire,
                    cohort: plan.cohort, syncs: plan.syncs, schedule: plan.schedule.text, zone: plan.zone.identifier)
            }
            if isCut { fires[fires.count - 1].schedule += ", and so on" }
        }
        fires.sort { $0.at != $1.at ? $0.at < $1.at : ByteText($0.cohort) < ByteText($1.cohort) }
        fires = Array(fires.prefix(DashboardData.fireCapacity))
        markCollisions(&fires, among: active)
        return fires
    }

    static let loadSteps = 48

    /// How many fires each half hour of the coming day has, of the first cohorts.
    static func load(of plans: [CohortPlan], after now: Instant) -> [Int] {
        let active = plans.filter { !$0.isPaused && !$0.schedule.isManual }.prefix(200)
        return (0..<loadSteps).map { step in
            let start = now.advanced(seconds: Int64(step) * 1_800)
            let end = start.advanced(seconds: 1_800)
            return active.reduce(0) { $0 + $1.schedule.count(after: start, through: end, in: $1.zone, limit: 1_800) }
        }
    }

    /// How many other cohorts fire within the same minute, those included whose fires are too many to be listed.
    private static func markCollisions(_ fires: inout [UpcomingFire], among plans: [CohortPlan]) {
        let compared = plans.prefix(detailLimit)
        for index in fires.indices.prefix(200) {
            let minute = Instant(seconds: fires[index].at.seconds / 60 * 60)
            fires[index].collisions = compared.count { plan in
                plan.cohort != fires[index].cohort
                    && plan.schedule.latest(
                        atOrBefore: minute.advanced(seconds: 59), after: minute.advanced(seconds: -1), in: plan.zone) != nil
            }
        }
    }
}
