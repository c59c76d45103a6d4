import Membership
import Testing

@testable import SyncEngine

@Suite struct MessageIdentityTests {
    private static let namespace = [UInt8](1...16)
    private static let sync = SyncID(cohort: "big", destination: "seg")

    private static func nonce(_ first: UInt8) throws -> PlanNonce {
        try #require(PlanNonce(bytes: [first] + [UInt8](repeating: 0, count: 15)))
    }

    private static func id(
        namespace: [UInt8] = namespace, sync: SyncID = sync, trait: String = "T", member: String = "u-1",
        nonce number: UInt8 = 1
    ) throws -> MessageID {
        var identity = MessageIdentity(namespace: namespace, sync: sync, trait: trait)
        let nonce = try nonce(number)
        return Array(member.utf8).withUnsafeBytes { identity.id(of: $0, nonce: nonce) }
    }

    @Test("the same inputs give the same id, also through one value used again")
    func stable() throws {
        #expect(try Self.id() == Self.id())
        var identity = MessageIdentity(namespace: Self.namespace, sync: Self.sync, trait: "T")
        let (one, two) = (try Self.nonce(1), try Self.nonce(2))
        let ids = [one, two, one].map { nonce in
            Array("u-1".utf8).withUnsafeBytes { identity.id(of: $0, nonce: nonce) }
        }
        #expect(ids[0] == ids[2] && ids[0] != ids[1])
        #expect(ids[0] == (try Self.id()))
    }

    @Test("any differing input gives another id")
    func different() throws {
        let ids = [
            try Self.id(), try Self.id(namespace: [UInt8](2...17)),
            try Self.id(sync: SyncID(cohort: "big2", destination: "seg")),
            try Self.id(sync: SyncID(cohort: "big", destination: "seg2")), try Self.id(trait: "T2"),
            try Self.id(member: "u-2"), try Self.id(member: "U-1"), try Self.id(nonce: 2),
            // The same bytes in a row, cut elsewhere.
            try Self.id(sync: SyncID(cohort: "big", destination: "segT"), trait: ""),
            try Self.id(sync: SyncID(cohort: "big", destination: "se"), trait: "gT"),
        ]
        #expect(Set(ids).count == ids.count)
    }

    @Test("every id is a UUID of version 8 and variant 10, and no two members share one")
    func bits() throws {
        var ids: Set<MessageID> = []
        for number in 0..<5_000 {
            let id = try Self.id(member: "u-\(number)")
            #expect(id.high >> 12 & 0xF == 8)
            #expect(id.low >> 62 == 2)
            ids.insert(id)
        }
        #expect(ids.count == 5_000)
    }

    @Test("a member's hash depends on every byte and nothing else")
    func memberHash() {
        func hash(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { MemberHash.of($0) } }
        let base = [UInt8]("member-0001".utf8)
        #expect(hash(base) == hash(base))
        var seen: Set<UInt64> = [hash(base), hash([]), hash(base + [0]), hash([0] + base)]
        for index in base.indices {
            var changed = base
            changed[index] ^= 1
            seen.insert(hash(changed))
        }
        #expect(seen.count == 4 + base.count)
    }
}
