import Scheduling

/// An alert that a channel has not taken yet.
package struct PendingAlert: Sendable, Equatable {
    package var id: Int64
    package var channel: String
    package var message: AlertMessage

    package init(id: Int64, channel: String, message: AlertMessage) {
        self.id = id
        self.channel = channel
        self.message = message
    }
}

/// What is durable of alerts: what is remembered of every subject, and what is still to be told. Each verb is one
/// transaction, as in ``SyncStore``.
package protocol AlertStore: Sendable {
    /// By subject: `cohort@destination`, or `@destination`.
    func alertMachines() async throws(StoreError) -> [String: AlertMachine]

    /// Stores what changed together with what is to be told, once for each channel: what was decided is told once, also
    /// after a crash.
    func saveAlerts(
        _ machines: [String: AlertMachine], messages: [AlertMessage], channels: [String]
    ) async throws(StoreError)

    /// Oldest first.
    func pendingAlerts(limit: Int) async throws(StoreError) -> [PendingAlert]
    func removeAlerts(_ ids: [Int64]) async throws(StoreError)
}
