import SyncEngine
import WarehouseNames

/// The snake-case key under which audience events name a cohort.
enum AudienceKey {
    /// The cohort's own key in snake case, else its id's, for a key without a letter or digit.
    static func of(_ audience: Audience) -> String {
        [audience.key, audience.id].lazy.map { SnakeCase.column(of: $0) }.first { !$0.isEmpty } ?? "audience"
    }
}
