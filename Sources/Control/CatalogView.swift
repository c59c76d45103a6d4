/// A cohort that a source has, configured or not (`GET /v1/catalog`).
package struct CatalogView: Codable, Sendable, Equatable {
    /// The source's key.
    package var source: String
    package var id: String
    package var name: String
    /// Members at the source's last computation, and when that was; null when the source does not say.
    package var size: Int?
    package var computed_at: String?
    /// Why it cannot be a cohort here; null when it can.
    package var obstacle: String?
    /// Keys of the cohorts that are configured with this id.
    package var configured_as: [String]

    package init(
        source: String, id: String, name: String, size: Int?, computed_at: String?, obstacle: String?,
        configured_as: [String]
    ) {
        self.source = source
        self.id = id
        self.name = name
        self.size = size
        self.computed_at = computed_at
        self.obstacle = obstacle
        self.configured_as = configured_as
    }
}

extension CatalogView: JSONLineWritable {
    package func write(to line: inout JSONLine) {
        line.field("source", source)
        line.field("id", id)
        line.field("name", name)
        line.field("size", size)
        line.field("computed_at", computed_at)
        line.field("obstacle", obstacle)
        line.field("configured_as", configured_as)
    }
}
