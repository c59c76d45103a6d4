import GRDB
import SyncEngine

// How the engine's values stand in their tables: one column a property in snake case, nested structs as JSON.

extension RunRecord: FetchableRecord, PersistableRecord {
    package static var databaseTableName: String { "runs" }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
}

extension SyncState: FetchableRecord, PersistableRecord {
    package static var databaseTableName: String { "syncs" }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
}

extension DestinationState: FetchableRecord, PersistableRecord {
    package static var databaseTableName: String { "destinations" }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
}
