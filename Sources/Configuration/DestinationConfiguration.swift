import Secrets

/// One entry of `destinations:`.
package struct DestinationConfiguration: Sendable, Equatable {
    package var key: String
    package var kind: DestinationKind
    /// How long a destination that cannot be reached is tried before the run has failed (`retry_for`).
    package var retryForSeconds: Int?
    package var place: Place

    package init(key: String, kind: DestinationKind, retryForSeconds: Int? = nil, place: Place) {
        self.key = key
        self.kind = kind
        self.retryForSeconds = retryForSeconds
        self.place = place
    }
}

/// A destination's kind with its settings. Paths are as written: relative ones start at the workspace.
package enum DestinationKind: Sendable, Equatable {
    case segment(SegmentSettings)
    case webhook(WebhookSettings)
    /// A literal is `sqlite:PATH` or a `postgres://` URL without a password.
    case warehouse(url: Address)
    case ndjson(path: String)

    /// The kind as it is written.
    package var name: String {
        switch self {
        case .segment: "segment"
        case .webhook: "webhook"
        case .warehouse: "warehouse"
        case .ndjson: "ndjson"
        }
    }
}

/// What a member's change is told as.
package enum SegmentMode: String, Sendable, CaseIterable {
    /// An `identify` that sets a trait.
    case identify
    /// `Audience Entered` and `Audience Exited` events.
    case track
}

/// Whose receiver of Segment's API a destination is (`flavor`): what differs among them is the adapter's business.
package enum ReceiverFlavor: String, Sendable, CaseIterable {
    case segment, rudderstack, jitsu, customerio, dittofeed

    /// The base URL of a region, to which the receiver's path is added; nil where everybody has their own.
    /// Hosts: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/ and
    /// https://docs.customer.io/integrations/api/cdp/
    package func address(in region: Region) -> String? {
        switch (self, region) {
        case (.segment, .us): "https://api.segment.io/v1"
        case (.segment, .eu): "https://events.eu1.segmentapis.com/v1"
        case (.customerio, .us): "https://cdp.customer.io/v1"
        case (.customerio, .eu): "https://cdp-eu.customer.io/v1"
        case (.rudderstack, _), (.jitsu, _), (.dittofeed, _): nil
        }
    }
}

/// Segment, or any receiver of its API.
package struct SegmentSettings: Sendable, Equatable {
    package var flavor: ReceiverFlavor
    package var region: Region
    /// Replaces the region's base URL; without a slash at the end.
    package var endpoint: String?
    package var writeKey: SecretReference
    /// Events (members) a second. 1,000 is what Segment documents.
    package var rate: Int
    /// Requests in flight at once.
    package var requests: Int
    /// Whether request bodies are compressed; not every receiver reads that.
    package var gzip: Bool
    package var mode: SegmentMode
    /// Whether the receiver recognises repeated message ids; Segment does.
    package var deduplicates: Bool
    /// How long a member's opposite change waits after an attempt of unknown outcome, where `deduplicates` is false.
    package var settleSeconds: Int

    package init(
        region: Region = .us, endpoint: String? = nil, writeKey: SecretReference, rate: Int = 1000, requests: Int = 4,
        gzip: Bool = false, mode: SegmentMode = .identify, deduplicates: Bool = true, settleSeconds: Int = 20 * 60,
        flavor: ReceiverFlavor = .segment
    ) {
        self.flavor = flavor
        self.region = region
        self.endpoint = endpoint
        self.writeKey = writeKey
        self.rate = rate
        self.requests = requests
        self.gzip = gzip
        self.mode = mode
        self.deduplicates = deduplicates
        self.settleSeconds = settleSeconds
    }

    /// The base URL in force, without a slash at the end; empty for a flavor without one, which is refused.
    package var address: String { endpoint ?? flavor.address(in: region) ?? "" }
}

/// A receiver of cohort webhooks.
package struct WebhookSettings: Sendable, Equatable {
    package var url: String
    /// Signs the raw body (`X-Rollcall-Signature`); nil sends unsigned.
    package var secret: SecretReference?
    /// Events (members) a second.
    package var rate: Int
    /// Users of one batch.
    package var batch: Int
    /// Added to every request, in the order of the file.
    package var headers: [WebhookHeader]
    /// How long a member's opposite change waits after an attempt of unknown outcome.
    package var settleSeconds: Int

    package init(
        url: String, secret: SecretReference? = nil, rate: Int = 1000, headers: [WebhookHeader] = [],
        settleSeconds: Int = 20 * 60, batch: Int = 1000
    ) {
        self.batch = batch
        self.url = url
        self.secret = secret
        self.rate = rate
        self.headers = headers
        self.settleSeconds = settleSeconds
    }
}

/// One header of a webhook's requests; one that authorises is always a reference.
package struct WebhookHeader: Sendable, Equatable {
    package var name: String
    package var value: Address

    package init(name: String, value: Address) {
        self.name = name
        self.value = value
    }
}
