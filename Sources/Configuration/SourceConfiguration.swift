import Secrets

/// One entry of `sources:`.
package struct SourceConfiguration: Sendable, Equatable {
    package var key: String
    package var kind: SourceKind
    package var place: Place

    package init(key: String, kind: SourceKind, place: Place) {
        self.key = key
        self.kind = kind
        self.place = place
    }
}

/// A source's kind with its settings. Paths are as written: relative ones start at the workspace.
package enum SourceKind: Sendable, Equatable {
    case amplitude(AmplitudeSettings)
    /// A folder of files. Default `.`, the workspace itself.
    case csv(directory: String)
    case sqlite(path: String)
    case postgres(url: Address)
    case command(CommandSettings)

    /// The kind as it is written.
    package var name: String {
        switch self {
        case .amplitude: "amplitude"
        case .csv: "csv"
        case .sqlite: "sqlite"
        case .postgres: "postgres"
        case .command: "command"
        }
    }
}

/// Something that may be written out when it holds no credential, and is a reference otherwise.
package enum Address: Sendable, Equatable {
    case literal(String)
    case reference(SecretReference)
}

/// Where the servers of a vendor with two regions stand.
package enum Region: String, Sendable, CaseIterable {
    case us
    case eu
}

/// An Amplitude project.
package struct AmplitudeSettings: Sendable, Equatable {
    package var region: Region
    /// Replaces the region's base URL; without a slash at the end.
    package var endpoint: String?
    package var apiKey: SecretReference
    package var secretKey: SecretReference
    /// Downloads a month, 500 unless Amplitude raised it.
    package var quota: Int
    /// Of them, kept for manual runs; schedules must fit into the rest.
    package var reserve: Int
    /// A scheduled run uses the earlier download while Amplitude has not computed the cohort anew, this long at most;
    /// nil, the default, downloads every time.
    package var skipUnchangedSeconds: Int?

    package init(
        region: Region = .us, endpoint: String? = nil, apiKey: SecretReference, secretKey: SecretReference,
        quota: Int = 500, reserve: Int = 0, skipUnchangedSeconds: Int? = nil
    ) {
        self.region = region
        self.endpoint = endpoint
        self.apiKey = apiKey
        self.secretKey = secretKey
        self.quota = quota
        self.reserve = reserve
        self.skipUnchangedSeconds = skipUnchangedSeconds
    }

    /// The base URL in force, without a slash at the end. Hosts:
    /// https://amplitude.com/docs/apis/analytics/behavioral-cohorts
    package var address: String {
        if let endpoint { return endpoint }
        switch region {
        case .us: return "https://amplitude.com"
        case .eu: return "https://analytics.eu.amplitude.com"
        }
    }
}

/// Limits of the commands that a `command` source runs; the command itself stands in the cohort.
package struct CommandSettings: Sendable, Equatable {
    /// The command is ended after this many seconds and the fetch has failed.
    package var timeoutSeconds: Int
    /// The fetch has failed when the command prints more bytes than this.
    package var outputLimitBytes: Int

    package init(timeoutSeconds: Int = 600, outputLimitBytes: Int = 4 << 30) {
        self.timeoutSeconds = timeoutSeconds
        self.outputLimitBytes = outputLimitBytes
    }
}
