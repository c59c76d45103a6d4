import AlertChannels
import Configuration
import DestinationConnectors
import Glibc
import HTTPClient
import MailClient
import Scheduling
import Secrets
import SourceConnectors
import SyncEngine

/// Turns what `rollcall.yaml` says into adapters the engine can work with. A secret that cannot be had blocks what needs
/// it and nothing else.
struct Wiring {
    let workspace: String
    let transport: any HTTPTransport
    let accounts: AmplitudeAccounts
    /// Of the configuration: another one gives refused keys another chance.
    let revision: String
    /// How long an unreachable destination is tried where `retry_for` is not written, in seconds (PRODUCT.md §3).
    let patience: Int
    /// Projects of Amplitude by the source's key, or why one cannot be reached.
    private var projects: [String: Result<AmplitudeProject, SecretError>] = [:]
    private var secrets: [SecretReference: Result<Secret, SecretError>] = [:]
    /// Secrets that could not be had, once each, for `check`.
    private(set) var problems: [String] = []

    /// - Parameters:
    ///   - accounts: those of this process; without them downloads are for looking only.
    ///   - revision: the digest of the configuration.
    init(
        workspace: String, transport: any HTTPTransport, accounts: AmplitudeAccounts? = nil, revision: String = "",
        patience: Int = 12 * 3600
    ) {
        self.workspace = workspace
        self.transport = transport
        self.revision = revision
        self.patience = patience
        self.accounts = accounts ?? AmplitudeAccounts(
            store: nil, clock: SystemClock(), folder: StateFolder(path: workspace + "/.rollcall"))
    }

    mutating func engineConfiguration(of model: WorkspaceConfiguration) -> SyncEngine.EngineConfiguration {
        let destinations = model.destinations.map { definition(of: $0) }
        var syncs: [SyncDefinition] = []
        for cohort in model.cohorts {
            guard let source = model.source(cohort.source) else { continue }
            let (adapter, blocked) = adapter(for: cohort, in: source)
            for destination in cohort.destinations {
                let subject = cohort.subject(at: model.destination(destination)?.kind)
                syncs.append(SyncDefinition(
                    id: SyncID(cohort: cohort.key, destination: destination),
                    audience: Audience(
                        key: cohort.key, name: cohort.name, id: cohort.id, trait: subject.text,
                        leavesAsNull: cohort.onLeave == .tellNull),
                    template: subject.template, sourceKey: source.key, sourceKind: source.kind.name,
                    source: adapter, schedule: cohort.policy(for: destination), guards: cohort.guards,
                    leaves: cohort.onLeave, firstSync: cohort.firstSync, blockedReason: blocked))
            }
        }
        var configuration = SyncEngine.EngineConfiguration(
            syncs: syncs, destinations: destinations, memory: model.engine.memoryBytes,
            parallelRuns: model.engine.parallelRuns, retention: Int64(model.engine.retentionSeconds) * 1000)
        configuration.revision = revision
        for source in model.sources {
            guard case .amplitude(let settings) = source.kind,
                case .success(let project) = project(source.key, settings)
            else { continue }
            let account = accounts.account(project.digest, limits: settings.limits)
            configuration.quotas.append(QuotaDefinition(
                sourceKey: source.key, account: project.digest, limits: settings.limits))
            configuration.catalogs[source.key] = AmplitudeCatalog(
                project: project, account: account, transport: transport)
        }
        return configuration
    }

    // MARK: - Sources

    private mutating func adapter(
        for cohort: CohortConfiguration, in source: SourceConfiguration
    ) -> (adapter: (any MemberSource)?, blocked: String?) {
        switch (source.kind, cohort.selection) {
        case (.csv(let directory), .file(let path, let column, let delimiter, let hasHeader)):
            let root = absolute(directory)
            let rule: HeaderRule = switch hasHeader {
            case nil: .automatic
            case true?: .present
            case false?: .absent
            }
            return (CSVSource(
                path: root + "/" + path, root: root, column: column, delimiter: delimiter ?? UInt8(ascii: ","),
                header: rule), nil)
        case (.sqlite(let path), .query(let text)):
            return (SQLiteSource(path: absolute(path), selection: .query(text)), nil)
        case (.sqlite(let path), .table(let table, let column)):
            return (SQLiteSource(path: absolute(path), selection: .table(table, column: column)), nil)
        case (.postgres(let url), let selection):
            return postgres(url, selection)
        case (.command(let settings), .command(let arguments, let column)):
            return (CommandSource(
                argv: arguments, column: column, timeout: settings.timeoutSeconds,
                outputLimit: settings.outputLimitBytes, workingDirectory: workspace), nil)
        case (.amplitude(let settings), .amplitude):
            return amplitude(cohort, source.key, settings)
        default:
            return (nil, "source \(source.key) does not fit what cohort \(cohort.key) selects")
        }
    }

    private mutating func amplitude(
        _ cohort: CohortConfiguration, _ source: String, _ settings: AmplitudeSettings
    ) -> (adapter: (any MemberSource)?, blocked: String?) {
        switch project(source, settings) {
        case .failure(let error): return (nil, error.message)
        case .success(let project):
            let policy = cohort.schedule.policy
            // The destinations of one occurrence start within the jitter and a little; the next occurrence is another.
            let window = min(60 + policy.jitterSeconds, (policy.schedule.minimumSpacingSeconds ?? .max) / 2)
            return (AmplitudeSource(
                cohort: cohort.id, name: cohort.name,
                reading: AmplitudeReading(shareSeconds: window, reuseSeconds: settings.skipUnchangedSeconds),
                project: project,
                account: accounts.account(project.digest, limits: settings.limits), transport: transport), nil)
        }
    }

    private mutating func project(
        _ source: String, _ settings: AmplitudeSettings
    ) -> Result<AmplitudeProject, SecretError> {
        if let known = projects[source] { return known }
        let keys = (secret(of: .reference(settings.apiKey)), secret(of: .reference(settings.secretKey)))
        let result: Result<AmplitudeProject, SecretError> = keys.0.flatMap { apiKey in
            keys.1.flatMap { secretKey in
                do throws(WebAddress.Problem) {
                    let endpoint = try WebAddress(base: settings.address)
                    return .success(AmplitudeProject(
                        endpoint: endpoint, apiKey: apiKey, secretKey: secretKey, salt: accounts.salt,
                        revision: revision))
                } catch {
                    return .failure(SecretError.unsafe("source \(source): its address \(error.message)"))
                }
            }
        }
        projects[source] = result
        return result
    }

    private mutating func postgres(
        _ url: Address, _ selection: Selection
    ) -> (adapter: (any MemberSource)?, blocked: String?) {
        let rows: RowSelection
        switch selection {
        case .query(let text): rows = .query(text)
        case .table(let table, let column): rows = .table(table, column: column)
        default: return (nil, "a PostgreSQL source needs a query or a table")
        }
        switch secret(of: url) {
        case .success(let secret): return (PostgresSource(url: secret, selection: rows), nil)
        case .failure(let error): return (nil, error.message)
        }
    }

    // MARK: - Destinations

    private mutating func definition(of destination: DestinationConfiguration) -> DestinationDefinition {
        var definition = DestinationDefinition(
            key: destination.key, kind: destination.kind.name, adapter: nil, rate: nil,
            retryFor: Int64(destination.retryForSeconds ?? patience) * 1000)
        switch destination.kind {
        case .segment(let settings):
            definition.rate = settings.rate == .max ? nil : settings.rate
            definition.requests = settings.requests
            definition.settle = Int64(settings.settleSeconds) * 1000
            do {
                let endpoint = try WebAddress(base: settings.address)
                switch secret(of: .reference(settings.writeKey)) {
                case .success(let key):
                    definition.adapter = SegmentDestination(
                        settings: DestinationConnectors.SegmentSettings(
                            endpoint: endpoint, writeKey: key, mode: settings.mode == .track ? .track : .identify,
                            compresses: settings.gzip, deduplicates: settings.deduplicates,
                            profile: ReceiverProfile.named(settings.flavor.rawValue) ?? .segment),
                        transport: transport)
                case .failure(let error):
                    definition.blockedReason = error.message
                }
            } catch {
                definition.blockedReason = "\(settings.address) \(error.message)"
            }
        case .ndjson(let path):
            definition.requests = 1
            definition.adapter = NDJSONDestination(path: absolute(path))
        case .webhook(let settings):
            definition.rate = settings.rate == .max ? nil : settings.rate
            definition.settle = Int64(settings.settleSeconds) * 1000
            switch webhook(settings.url, settings.secret, settings.headers, batch: settings.batch) {
            case .success(let adapter): definition.adapter = adapter
            case .failure(let error): definition.blockedReason = error.message
            }
        case .warehouse(let url):
            // One transaction at a time: a second would only wait for the first one's locks.
            definition.requests = 1
            switch warehouse(url) {
            case .success(let adapter): definition.adapter = adapter
            case .failure(let error): definition.blockedReason = error.message
            }
        }
        return definition
    }

    private mutating func webhook(
        _ url: String, _ signingKey: SecretReference?, _ configured: [WebhookHeader], batch: Int
    ) -> Result<any Destination, SecretError> {
        var headers: [DestinationConnectors.WebhookSettings.Header] = []
        for header in configured {
            switch secret(of: header.value) {
            case .success(let value): headers.append(.init(name: header.name, value: value))
            case .failure(let error): return .failure(error)
            }
        }
        var key: Secret?
        if let reference = signingKey {
            switch secret(of: .reference(reference)) {
            case .success(let value): key = value
            case .failure(let error): return .failure(error)
            }
        }
        return .success(WebhookDestination(
            settings: DestinationConnectors.WebhookSettings(
                url: url, secret: key, headers: headers, batch: batch),
            transport: transport))
    }

    private mutating func warehouse(_ url: Address) -> Result<any Destination, SourceError> {
        if case .literal(let text) = url, text.hasPrefix("sqlite:") {
            return .success(WarehouseDestination(sqlite: absolute(String(text.dropFirst("sqlite:".count)))))
        }
        switch secret(of: url) {
        case .failure(let error): return .failure(.misconfigured(error.message))
        case .success(let value):
            do throws(SourceError) {
                return .success(try WarehouseDestination(postgres: value))
            } catch {
                return .failure(error)
            }
        }
    }

    // MARK: - Alerts

    /// The channels of `alerts:`; one whose secret cannot be had is left out, and `problems` says so.
    mutating func alertChannels(of alerts: AlertsConfiguration) -> [any AlertChannel] {
        alerts.channels.compactMap { channel -> (any AlertChannel)? in
            switch channel.kind {
            case .webhook(let url, let reference):
                var key: Secret?
                if let reference {
                    guard case .success(let value) = secret(of: .reference(reference)) else { return nil }
                    key = value
                }
                return HTTPAlertChannel(
                    key: channel.key, url: Secret(Array(url.utf8)), form: .facts(secret: key), transport: transport)
            case .slack(let reference):
                guard case .success(let url) = secret(of: .reference(reference)) else { return nil }
                return HTTPAlertChannel(key: channel.key, url: url, form: .text, transport: transport)
            case .command(let arguments, let timeout):
                return ProgramAlertChannel(
                    key: channel.key, arguments: arguments, input: .facts, folder: workspace, timeoutSeconds: timeout)
            case .email(let to, let from, let sendmail, let timeout):
                return ProgramAlertChannel(
                    key: channel.key, arguments: sendmail, input: .mail(to: to, from: from), folder: workspace,
                    timeoutSeconds: timeout)
            case .mail(let to, let from, let settings, let timeout):
                var password: Secret?
                if let reference = settings.password {
                    guard case .success(let value) = secret(of: .reference(reference)) else { return nil }
                    password = value
                }
                let server = MailServer(
                    url: settings.url, isLoopback: settings.isLoopback, user: settings.user, password: password)
                return MailAlertChannel(key: channel.key, server: server, to: to, from: from, timeoutSeconds: timeout)
            }
        }
    }

    // MARK: - Secrets and paths

    private mutating func secret(of address: Address) -> Result<Secret, SecretError> {
        switch address {
        case .literal(let text):
            return .success(Secret(Array(text.utf8)))
        case .reference(let reference):
            if let known = secrets[reference] { return known }
            let result: Result<Secret, SecretError>
            do throws(SecretError) {
                result = .success(try reference.resolve(relativeTo: workspace))
            } catch {
                problems.append(error.message)
                result = .failure(error)
            }
            secrets[reference] = result
            return result
        }
    }

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : path == "." ? workspace : workspace + "/" + path
    }
}

extension AmplitudeSettings {
    /// What the account may do.
    var limits: DownloadLimits { DownloadLimits(monthly: quota, reserve: reserve) }
}
