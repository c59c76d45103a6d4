// How each wire type stands on its line: every key, always, in this order.

extension StatusView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync", sync)
        line.field("cohort", cohort)
        line.field("destination", destination)
        line.field("state", state)
        line.field("schedule", schedule)
        line.field("paused", paused)
        line.field("next", next)
        line.field("last_run", last_run)
        line.field("last_outcome", last_outcome)
        line.field("last_finished_at", last_finished_at)
        line.field("reason", reason)
        line.field("ledger", ledger)
        line.field("unknown", unknown)
        line.field("rejects", rejects)
        line.field("held_run", held_run)
        line.field("running", running)
        line.field("phase", phase)
        line.field("name", name)
        line.field("trait", trait)
        line.field("source", source)
        line.field("last_entered", last_entered)
        line.field("last_left", last_left)
        line.field("last_seconds", last_seconds)
    }
}

extension BadRowView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("position", position)
        line.field("reason", reason)
        line.field("unreadable", unreadable)
    }
}

extension RunView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("run", run)
        line.field("sync", sync)
        line.field("trigger", trigger)
        line.field("mode", mode)
        line.field("outcome", outcome)
        line.field("phase", phase)
        line.field("plan", plan)
        line.field("read", read)
        line.field("members", members)
        line.field("duplicates", duplicates)
        line.field("invalid", invalid)
        line.field("unreadable", unreadable)
        line.field("entered", entered)
        line.field("left", left)
        line.field("unchanged", unchanged)
        line.field("reasserted", reasserted)
        line.field("withheld", withheld)
        line.field("ignored", ignored)
        line.field("dismissed", dismissed)
        line.field("sent", sent)
        line.field("accepted", accepted)
        line.field("rejected", rejected)
        line.field("pending", pending)
        line.field("requests", requests)
        line.field("retries", retries)
        line.field("bytes", bytes)
        line.field("ledger_before", ledger_before)
        line.field("ledger_after", ledger_after)
        line.field("nominal", nominal)
        line.field("created_at", created_at)
        line.field("started_at", started_at)
        line.field("finished_at", finished_at)
        line.field("reason", reason)
        line.field("held_by", held_by)
        line.field("notes", notes)
        line.field("trait", trait)
        line.field("approved_by", approved_by)
        line.field("approved_at", approved_at)
        line.field("approval_reason", approval_reason)
        line.field("replaced_by", replaced_by)
        line.field("undoes", undoes)
        line.field("bad_rows", bad_rows)
    }
}

extension ChangeView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("user", user)
        line.field("event", event)
    }
}

extension PlanView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync", sync)
        line.field("plan", plan)
        line.field("entered", entered)
        line.field("left", left)
        line.field("unchanged", unchanged)
        line.field("reasserted", reasserted)
        line.field("withheld", withheld)
        line.field("ignored", ignored)
        line.field("dismissed", dismissed)
        line.field("read", read)
        line.field("members", members)
        line.field("duplicates", duplicates)
        line.field("invalid", invalid)
        line.field("unreadable", unreadable)
        line.field("ledger", ledger)
        line.field("requests", requests)
        line.field("bytes", bytes)
        line.field("seconds", seconds)
        line.field("held_by", held_by)
        line.field("notes", notes)
        line.field("trait", trait)
        line.field("usual_entered", usual_entered)
        line.field("usual_left", usual_left)
        line.field("sample", sample)
        line.field("quota", quota)
    }
}

extension EventView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("at", at)
        line.field("sync", sync)
        line.field("run", run)
        line.field("user", user)
        line.field("event", event)
        line.field("status", status)
        line.field("request", request)
        line.field("http_status", http_status)
        line.field("attempts", attempts)
        line.field("reasserted", reasserted)
        line.field("reason", reason)
    }
}

extension UserView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("user", user)
        line.field("sync", sync)
        line.field("member", member)
        line.field("told", told)
        line.field("since", since)
        line.field("events", events)
    }
}

extension MemberView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync", sync)
        line.field("member", member)
    }
}

extension FireView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync", sync)
        line.field("at", at)
        line.field("local", local)
        line.field("zone", zone)
        line.field("note", note)
    }
}

extension RejectView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("id", id)
        line.field("sync", sync)
        line.field("run", run)
        line.field("user", user)
        line.field("event", event)
        line.field("reason", reason)
        line.field("http_status", http_status)
        line.field("attempts", attempts)
        line.field("at", at)
        line.field("dismissed", dismissed)
    }
}

extension DestinationView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("destination", destination)
        line.field("kind", kind)
        line.field("address", address)
        line.field("state", state)
        line.field("breaker", breaker)
        line.field("reason", reason)
        line.field("in_flight", in_flight)
        line.field("rate", rate)
        line.field("latency_ms", latency_ms)
        line.field("last_answer", last_answer)
        line.field("last_answer_at", last_answer_at)
    }
}

extension EngineView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("version", version)
        line.field("api", api)
        line.field("pid", pid)
        line.field("purpose", purpose)
        line.field("workspace", workspace)
        line.field("started_at", started_at)
        line.field("now", now)
        line.field("frozen", frozen)
        line.field("schedules", schedules)
        line.field("configuration_digest", configuration_digest)
        line.field("configuration_loaded_at", configuration_loaded_at)
        line.field("configuration_error", configuration_error)
        line.field("lateness_ms", lateness_ms)
        line.field("clock_jump_ms", clock_jump_ms)
        line.field("store_bytes", store_bytes)
    }
}

extension Refusal: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("code", code)
        line.field("message", message)
    }
}

extension ChangeNotice: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sequence", sequence)
        line.field("run", run)
        line.field("event", event)
        line.field("frozen", frozen)
        line.field("configured", configured)
    }
}

extension SyncNameView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync", sync)
        line.field("configured", configured)
    }
}

extension OverlapView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("sync_a", sync_a)
        line.field("sync_b", sync_b)
        line.field("a", a)
        line.field("b", b)
        line.field("both", both)
        line.field("only_a", only_a)
        line.field("only_b", only_b)
    }
}

extension PurgeView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("runs", runs)
        line.field("events", events)
        line.field("rejects", rejects)
        line.field("dismissals_kept", dismissals_kept)
        line.field("told", told)
    }
}
