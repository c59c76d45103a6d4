@testable import Configuration

/// The example of PRODUCT.md §2, byte for byte.
let productExample = """
    version: 1
    timezone: Europe/Berlin            # default zone of schedules; UTC when absent

    sources:
      product:  {kind: amplitude, region: us, api_key: {env: AMPLITUDE_API_KEY}, \
    secret_key: {file: /run/keys/amp}, quota: 500}
      lists:    {kind: csv, directory: cohorts}
      app:      {kind: sqlite, path: app.db}
      crm:      {kind: postgres, url: {env: DATABASE_URL}}
      anything: {kind: command, timeout: 10m}

    destinations:
      segment:  {kind: segment, region: us, write_key: {env: SEGMENT_WRITE_KEY}, rate: 500/s}
      rudder:   {kind: segment, endpoint: "https://data.example.com/v1", write_key: {file: /run/keys/rudder}}
      hook:     {kind: webhook, url: "https://example.com/cohorts", secret: {env: HOOK_SECRET}}
      tables:   {kind: warehouse, url: "sqlite:warehouse.db"}      # or {env: WAREHOUSE_URL} with postgres://…
      file:     {kind: ndjson, path: out.ndjson}

    cohorts:
      big-spenders:
        name: Big Spenders
        id: abc123                      # defaults to the key; for amplitude it is the Amplitude cohort id
        source: product
        to: [segment, tables]
        schedule: daily at 06:30
      trial-users:
        name: Trial users
        source: app
        query: SELECT user_id FROM users WHERE plan = 'trial'
        to: [segment]
        schedule: {when: "*/15 8-18 * * mon-fri", timezone: America/New_York, jitter: 30s, \
    overlap: skip, catch_up: latest, paused: false}
        guards: {max_leave: 20%, max_leave_count: 500, max_leave_daily: 30%, \
    max_growth: 5x, min_overlap: 50%, allow_empty: false}   # or `guards: off`
      vips:
        source: lists
        file: vips.csv
        column: user_id
        to: [file]
        trait: "[Amplitude] {name} ({id})"     # the default; {name} {id} {key}
        on_leave: "false"                      # "false" | null | ignore
        first_sync: backfill                   # backfill | baseline (record, send nothing)
        schedule: manual

    """

/// Reads a text that must be right.
func model(_ text: String) throws -> WorkspaceConfiguration {
    try Configuration.parse(Array(text.utf8), file: "rollcall.yaml")
}

/// A right file with one cohort, whose keys are given.
func workspace(cohort: String) -> String {
    """
    version: 1
    sources:
      amp: {kind: amplitude, api_key: {env: K}, secret_key: {env: S}}
      lists: {kind: csv}
      app: {kind: sqlite, path: app.db}
      run: {kind: command}
    destinations:
      segment: {kind: segment, write_key: {env: W}}
      tables: {kind: warehouse, url: "sqlite:w.db"}
      hook: {kind: webhook, url: "https://example.com/h"}
    cohorts:
      vips:
    \(cohort.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n"))

    """
}
