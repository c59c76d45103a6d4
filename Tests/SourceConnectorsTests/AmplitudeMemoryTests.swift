import AmplitudeStandIn
import Glibc
import HTTPClient
import SQLiteStore
import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import SourceConnectors

/// What is kept of an Amplitude account from one process to the next.
struct AmplitudeMemoryTests {
    /// One process of a workspace: its accounts, read from the store that the earlier one left.
    private struct Process {
        let account: AmplitudeAccount
        let project: AmplitudeProject
        private let accounts: AmplitudeAccounts
        private let world: AmplitudeWorld

        init(_ world: AmplitudeWorld, apiKey: String = "api-key-canary", revision: String = "r1") async throws {
            let folder = StateFolder(path: world.folder)
            try folder.prepare()
            let store = try SQLiteStore(path: folder.database)
            accounts = AmplitudeAccounts(store: store, clock: world.clock, folder: folder)
            try await accounts.remember(from: store, tidying: true)
            project = try world.project(apiKey: apiKey, salt: accounts.salt, revision: revision)
            account = accounts.account(project.digest, limits: DownloadLimits())
            self.world = world
        }

        func source(_ reading: AmplitudeReading = AmplitudeReading(shareSeconds: 0)) -> AmplitudeSource {
            world.source("c1", reading: reading, project: project, account: account)
        }

        func end() { accounts.removeFiles() }
    }

    private static let reusing = AmplitudeReading(shareSeconds: 0, reuseSeconds: 3_600)

    private func stateText(_ world: AmplitudeWorld) -> String {
        StateFolder.names(in: world.folder).map { name in
            String(decoding: contents(world.folder + "/" + name), as: UTF8.self)
        }.joined()
    }

    private func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        return Array(bytes.prefix(fread(&bytes, 1, bytes.count, file)))
    }

    @Test func refusedKeysStayRefusedUntilTheyOrTheConfigurationChange() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["u"])
        let first = try await Process(world, apiKey: "wrong-key-canary")
        #expect(await world.fetch(first.source()).failure?.isMisconfigured("403") == true)
        let asked = world.standIn.requests.count
        let second = try await Process(world, apiKey: "wrong-key-canary")
        #expect(second.source().blockedReason?.contains("403") == true)
        #expect(await world.fetch(second.source()).failure?.isMisconfigured("403") == true)
        #expect(world.standIn.requests.count == asked, "after a restart nothing is asked again")
        #expect(!stateText(world).contains("wrong-key-canary") && !stateText(world).contains("secret-key-canary"))
        // Another configuration is another chance, and so is another key in the same place.
        let edited = try await Process(world, apiKey: "wrong-key-canary", revision: "r2")
        #expect(edited.source().blockedReason == nil)
        #expect(await world.fetch(edited.source()).failure != nil)
        #expect(world.standIn.requests.count == asked + 1)
        let replaced = try await Process(world, revision: "r2")
        #expect(replaced.source().blockedReason == nil)
        #expect(await world.fetch(replaced.source()).failure == nil)
    }

    @Test func aSecretKeyThatChangesAloneIsAnotherChance() async throws {
        let world = try await AmplitudeWorld()
        let wrong = try world.project(secretKey: "not-it", salt: [1], revision: "r")
        let right = try world.project(salt: [1], revision: "r")
        #expect(wrong.digest == right.digest && wrong.fingerprint != right.fingerprint)
        #expect(try world.project(salt: [2], revision: "r").fingerprint != right.fingerprint, "salted")
    }

    @Test func aPersonsTryAndSuccessForgetTheRefusal() async throws {
        let world = try await AmplitudeWorld { $0.apiKey = "api-key-canary" }
        world.put("c1", ["u"])
        world.standIn.script(.list, [.status(401, body: "no"), .status(401, body: "still no")])
        #expect(await world.fetch(try await Process(world).source()).failure?.isMisconfigured("401") == true)
        let second = try await Process(world)
        #expect(await world.fetch(second.source(), occasion: .manual).failure?.isMisconfigured("still no") == true)
        #expect(try await Process(world).source().blockedReason?.contains("still no") == true)
        #expect(await world.fetch(second.source(), occasion: .manual).failure == nil)
        #expect(try await Process(world).source().blockedReason == nil, "what was accepted is not refused after a restart")
    }

    @Test func unchangedCohortsAreSkippedAfterARestart() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["a", "b"], computed: 1_000)
        let first = try await Process(world)
        #expect(await world.fetch(first.source(Self.reusing)).ids == ["a", "b"])
        first.end()
        world.clock.advance(milliseconds: 1_800_000)
        let second = try await Process(world)
        let skipped = await world.fetch(second.source(Self.reusing))
        #expect(skipped.ids == ["a", "b"] && skipped.notes.first?.contains("not downloaded") == true)
        #expect(world.standIn.downloads == 1)
        second.end()
        // Too old by the civil clock, which went on while no process lived.
        world.clock.advance(milliseconds: 1_900_000)
        #expect(await world.fetch(try await Process(world).source(Self.reusing)).ids == ["a", "b"])
        #expect(world.standIn.downloads == 2)
        world.put("c1", ["a", "b", "c"], computed: 2_000)
        #expect(await world.fetch(try await Process(world).source(Self.reusing)).ids == ["a", "b", "c"])
        #expect(world.standIn.downloads == 3, "computed anew")
        #expect(StateFolder.names(in: world.folder + "/downloads").count == 1, "only the latest file is kept")
    }

    @Test func missingRowsAreStillMissingAfterARestart() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", (0..<100).map { "user-\($0)" })
        world.standIn.script(.request, [.rowsMissing(7)])
        #expect(await world.fetch(try await Process(world).source(Self.reusing)).unreadable == [.missingRows])
        let again = await world.fetch(try await Process(world).source(Self.reusing))
        #expect(again.unreadable == [.missingRows] && again.ids.count == 93)
        #expect(world.standIn.downloads == 1)
    }

    @Test(arguments: ["damaged", "gone"])
    func aKeptFileThatIsNotWhatItWasIsDownloadedAnew(_ how: String) async throws {
        let world = try await AmplitudeWorld { $0.compresses = false }
        world.put("c1", ["a", "b"], computed: 1_000)
        _ = await world.fetch(try await Process(world).source(Self.reusing))
        let folder = world.folder + "/downloads"
        let name = try #require(StateFolder.names(in: folder).first)
        let second = try await Process(world)
        if how == "gone" {
            unlink(folder + "/" + name)
        } else {
            let file = open(folder + "/" + name, O_WRONLY)
            #expect(pwrite(file, "x", 1, 45) == 1)
            close(file)
        }
        #expect(await world.fetch(second.source(Self.reusing)).ids == ["a", "b"])
        #expect(world.standIn.downloads == 2)
    }

    @Test func nothingIsKeptWhereNothingIsSkippedAndStrangersGo() async throws {
        let world = try await AmplitudeWorld()
        world.put("c1", ["a"], computed: 1_000)
        let first = try await Process(world)
        #expect(await world.fetch(first.source()).ids == ["a"])
        first.end()
        #expect(StateFolder.names(in: world.folder + "/downloads").isEmpty)
        #expect(StateFolder.names(in: world.folder + "/scratch").isEmpty)
        close(open(world.folder + "/downloads/stray.csv", O_WRONLY | O_CREAT, 0o600))
        _ = try await Process(world)
        #expect(StateFolder.names(in: world.folder + "/downloads").isEmpty)
        // What no configuration could use any more goes too, whoever it was downloaded for.
        #expect(await world.fetch(try await Process(world).source(Self.reusing)).ids == ["a"])
        #expect(StateFolder.names(in: world.folder + "/downloads").count == 1)
        world.clock.advance(milliseconds: 32 * 86_400_000)
        _ = try await Process(world)
        #expect(StateFolder.names(in: world.folder + "/downloads").isEmpty)
    }
}
