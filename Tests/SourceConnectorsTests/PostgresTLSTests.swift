import Secrets
import SourceConnectors
import SyncEngine
import Testing

/// Reading over TLS with `sslmode=verify-full`: from whom the CA vouches for, and from nobody else.
@Suite(.serialized) struct PostgresTLSTests {
    /// Runs `body` with a server that speaks TLS; says so where none can be had.
    private func withServer(_ body: (PostgresCluster) throws -> Void) throws {
        do {
            let cluster = try PostgresCluster(tls: true)
            defer { cluster.remove() }
            // Over the network only encrypted connections are taken.
            cluster.sql("CREATE TABLE users AS SELECT 'u-' || i AS id FROM generate_series(1, 3) AS i")
            try body(cluster)
        } catch let missing as PostgresCluster.NotAvailable {
            print("NOT RUN: PostgreSQL with TLS: \(missing.reason)")
        }
    }

    private func source(_ url: String) -> PostgresSource {
        PostgresSource(url: Secret(Array(url.utf8)), selection: .query("SELECT id FROM users ORDER BY id"))
    }

    @Test func verifiedServerIsReadAndAnyOtherRefused() throws {
        try withServer { cluster in
            let trusted = source(cluster.tlsURL(authority: "ca.crt"))
            #expect(try trusted.read().ids == ["u-1", "u-2", "u-3"])
            let summary = try trusted.probe()
            #expect(summary.contains("TLS") && !summary.contains("no TLS"), "\(summary)")

            let stranger = try #require(source(cluster.tlsURL(authority: "stranger.crt")).failure())
            #expect(stranger.message.contains("certificate verify failed"), "\(stranger)")
            let renamed = try #require(source(cluster.tlsURL(authority: "ca.crt", host: "other.rollcall.test")).failure())
            #expect(renamed.message.contains("other.rollcall.test"), "\(renamed)")
            let nobody = try #require(source(cluster.tlsURL(authority: "missing.crt")).failure())
            #expect(nobody.message.contains("missing.crt"), "\(nobody)")
        }
    }
}
