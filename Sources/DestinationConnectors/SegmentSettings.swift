import HTTPClient
import Secrets

/// Where Segment takes events, by the region of the workspace that owns the write key.
package enum SegmentRegion: String, Sendable, CaseIterable {
    case us
    case eu

    /// The base address, to which `/batch` is added.
    package var endpoint: String {
        switch self {
        case .us: "https://api.segment.io/v1"
        case .eu: "https://events.eu1.segmentapis.com/v1"
        }
    }
}

/// How a member's change is worded for a receiver of Segment's API.
package enum SegmentMode: String, Sendable, CaseIterable {
    /// One `identify` that sets the trait (PRODUCT.md §4).
    case identify
    /// One `track` named `Audience Entered` or `Audience Exited`.
    case track
}

/// One configured receiver of Segment's API.
package struct SegmentSettings: Sendable {
    /// Base address; the profile's path is added to it.
    package var endpoint: WebAddress
    /// What this receiver asks for.
    package var profile: ReceiverProfile
    package var writeKey: Secret
    package var mode: SegmentMode
    /// Whether bodies are sent with `Content-Encoding: gzip`; not every receiver takes that.
    package var compresses: Bool
    /// Whether the receiver recognises a repeated `messageId`.
    package var deduplicates: Bool
    /// Time for one attempt, from name look-up to the answer's last byte.
    package var deadlineMilliseconds: Int

    package init(
        endpoint: WebAddress, writeKey: Secret, mode: SegmentMode = .identify, compresses: Bool = false,
        deduplicates: Bool = true, deadlineMilliseconds: Int = 30_000, profile: ReceiverProfile = .segment
    ) {
        self.endpoint = endpoint
        self.profile = profile
        self.writeKey = writeKey
        self.mode = mode
        self.compresses = compresses
        self.deduplicates = deduplicates
        self.deadlineMilliseconds = deadlineMilliseconds
    }
}
