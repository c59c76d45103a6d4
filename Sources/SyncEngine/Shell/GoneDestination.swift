extension DestinationDefinition {
    /// Stands for the destination of a run whose sync was taken out of the file while it was sending: what was accepted
    /// must reach the ledger, and nothing more is sent.
    init(goneWith record: RunRecord) {
        self.init(
            key: record.sync.destination, kind: record.identity.destinationKind, adapter: nil, rate: nil,
            blockedReason: "\(record.sync) is no longer configured")
    }
}
