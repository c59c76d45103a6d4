import Testing

@testable import Receiver

@Suite struct IncomingRequestTests {
    private func read(_ text: String, _ route: Route = .batch) throws(JSONFault) -> IncomingRequest {
        try IncomingRequest(Array(text.utf8), route: route, limits: SegmentLimits())
    }

    private func batch(_ items: String...) -> String { #"{"batch":[\#(items.joined(separator: ","))]}"# }

    private func codes(_ request: IncomingRequest) -> [ReportCode] { request.reports.reports.map(\.code) }

    @Test(arguments: [
        (#"{"type":"identify"}"#, ReportCode.noUserOrAnonymousID),
        (#"{"type":"identify","userId":null,"anonymousId":null}"#, .noUserOrAnonymousID),
        (#"{"type":"identify","userId":""}"#, .idRequired),
        (#"{"type":"identify","userId":"","anonymousId":null}"#, .idRequired),
        (#"{"type":"identify","userId":42}"#, .idNotString),
        (#"{"type":"identify","userId":"u","anonymousId":{}}"#, .idNotString),
        (#"{"type":"identify","userId":"u","traits":[]}"#, .traitsNotObject),
        (#"{"type":"identify","userId":"u","traits":"x"}"#, .traitsNotObject),
        (#"{"type":"track","userId":"u","event":"E","properties":1}"#, .propertiesNotObject),
        (#"{"type":"track","userId":"u"}"#, .eventRequired),
        (#"{"type":"group","userId":"u"}"#, .idRequired),
        (#"{"type":"alias","userId":"u"}"#, .idRequired),
        (#"{"type":"alias","anonymousId":"a","previousId":"p"}"#, .idRequired),
        (#"{"userId":"u"}"#, .unknownType),
        (#"{"type":"Identify","userId":"u"}"#, .unknownType),
        (#"{"type":7,"userId":"u"}"#, .unknownType),
        (#"{"type":"identify","userId":"u","messageId":7}"#, .messageIDNotString),
        ("7", .notAnObject),
        ("null", .notAnObject),
    ])
    func badMessagesAreDroppedAndGoodOnesStay(_ item: String, _ code: ReportCode) throws {
        let good = #"{"type":"identify","userId":"good","messageId":"m"}"#
        let request = try read(batch(good, item, good))
        #expect(codes(request) == [code])
        #expect(request.reports.reports.first?.position == 1)
        #expect(code.effect == .dropped)
        #expect(request.messages.count == 2)
        #expect(request.items == 3)
        #expect(request.reports.droppedMessages == 1)
        #expect(request.refusal == nil)
    }

    @Test(arguments: [
        #"{"type":"identify","userId":"u","traits":null}"#,
        #"{"type":"identify","anonymousId":"a"}"#,
        #"{"type":"identify","userId":"","anonymousId":"a"}"#,
        #"{"type":"track","userId":"u","event":"E","properties":{}}"#,
        #"{"type":"page","anonymousId":"a"}"#,
        #"{"type":"screen","userId":"u","properties":null}"#,
        #"{"type":"group","userId":"u","groupId":"g","traits":{}}"#,
        #"{"type":"alias","userId":"u","previousId":"p"}"#,
        #"{"type":"identify","userId":"u","messageId":null}"#,
        #"{"type":"identify","userId":"u","messageId":""}"#,
        #"{"type":"nothing","type":"identify","userId":1,"userId":"u"}"#,
        #"{"\u0074ype":"identify","user\u0049d":"u"}"#,
    ])
    func goodMessagesPass(_ item: String) throws {
        let request = try read(batch(item))
        #expect(codes(request).isEmpty)
        #expect(request.messages.count == 1)
    }

    @Test func messageIDsHaveAHundredCharacters() throws {
        let hundred = String(repeating: "é", count: 100)
        let good = try read(batch(#"{"type":"identify","userId":"u","messageId":"\#(hundred)"}"#))
        #expect(good.messages.count == 1)
        let long = try read(batch(#"{"type":"identify","userId":"u","messageId":"\#(hundred)x"}"#))
        #expect(codes(long) == [.messageIDTooLong])
    }

    @Test(arguments: [#"{}"#, #"{"batch":[]}"#, #"{"batch":null}"#])
    func emptyBatchesAreReported(_ text: String) throws {
        let request = try read(text)
        #expect(codes(request) == [.emptyBatch])
        #expect(request.refusal == nil)
    }

    @Test(arguments: ["[]", "1", "\"x\"", "null", #"{"batch":{}}"#, #"{"batch":"x"}"#])
    func otherJSONIsMalformed(_ text: String) throws {
        #expect(try read(text).refusal == .malformedJSON)
    }

    @Test func batchesHold2500Messages() throws {
        let item = #"{"type":"identify","userId":"u"}"#
        func many(_ count: Int) -> String {
            #"{"batch":[\#(Array(repeating: item, count: count).joined(separator: ","))]}"#
        }
        #expect(try read(many(2500)).messages.count == 2500)
        let long = try read(many(2501))
        #expect(long.messages.isEmpty && long.refusal == nil)
        #expect(codes(long) == [.batchTooLong])
        #expect(long.reports.droppedMessages == 2501)
    }

    @Test func messagesHold32KB() throws {
        func item(_ bytes: Int) -> String {
            let frame = #"{"type":"identify","userId":""}"#
            return #"{"type":"identify","userId":"\#(String(repeating: "u", count: bytes - frame.utf8.count))"}"#
        }
        #expect(item(32_768).utf8.count == 32_768)
        #expect(try read(batch(item(32_768))).refusal == nil)
        let large = try read(batch(item(40), item(32_769), item(40)))
        #expect(large.refusal == .tooLarge)
        #expect(large.messages.isEmpty)
        #expect(codes(large).contains(.messageTooLarge))
    }

    @Test func singleCallsTakeTheirKindFromThePath() throws {
        let request = try read(#"{"userId":"u","type":"track"}"#, .single(.identify))
        #expect(request.messages.map(\.kind) == [.identify])
        #expect(try read(#"{"userId":"u"}"#, .single(.track)).reports.reports.map(\.code) == [.eventRequired])
    }

    @Test func theTopLevelContextIsMerged() throws {
        let request = try read("""
            {"batch":[
              {"type":"identify","userId":"a"},
              {"type":"identify","userId":"b","context":{"integration":{"name":"own","version":"2"}}},
              {"type":"identify","userId":"c","context":{"active":false}},
              {"type":"identify","userId":"d","context":"none"}],
             "context":{"integration":{"name":"shared","version":"1"}}}
            """)
        let names = request.messages.map {
            String(decoding: request.document.string(Int($0.integrationName)), as: UTF8.self)
        }
        #expect(names == ["shared", "own", "shared", "shared"])
    }

    @Test func timesAreReadAndComplainedOf() throws {
        let request = try read("""
            {"sentAt":"2026-03-01T12:00:05Z","batch":[
              {"type":"identify","userId":"a","timestamp":"2026-03-01T12:00:00Z","sentAt":"1999-01-01T00:00:00Z"},
              {"type":"identify","userId":"b","timestamp":"2026-03-01T12:00:00"},
              {"type":"identify","userId":"c","timestamp":"yesterday"},
              {"type":"identify","userId":"d","timestamp":1772366400},
              {"type":"identify","userId":"e"}]}
            """)
        let noon: Int64 = 1_772_366_400_000
        #expect(request.messages.map(\.originalTimestamp) == [noon, noon, nil, nil, nil])
        #expect(request.messages.allSatisfy { $0.sentAt == noon + 5000 })
        #expect(codes(request) == [.timestampWithoutZone, .timestampInvalid])
        #expect(request.reports.reports.map(\.count) == [1, 2])
        let badSent = try read(#"{"userId":"u","sentAt":"soon"}"#, .single(.identify))
        #expect(codes(badSent) == [.sentAtInvalid])
    }

    @Test func theWriteKeyIsFoundInTheBodyOrAMessage() throws {
        #expect(try read(#"{"batch":[],"writeKey":"k"}"#).writeKey == Array("k".utf8))
        #expect(try read(batch(#"{"type":"identify","userId":"u","writeKey":"w"}"#)).writeKey == Array("w".utf8))
        #expect(try read(#"{"batch":[],"writeKey":5}"#).writeKey == nil)
    }

    @Test func usersAreNamedByTheirExactBytes() throws {
        let request = try read(batch(
            #"{"type":"identify","userId":"caf\u00e9"}"#, #"{"type":"identify","userId":"x"}"#))
        #expect(request.names(Array("caf\u{E9}".utf8)))
        #expect(!request.names(Array("cafe\u{301}".utf8)))
        #expect(request.names(Array("x".utf8)))
    }

    @Test func manyTraitsAndLoneSurrogatesAreNoticed() throws {
        let traits = (0..<300).map { "\"t\($0)\":true" }.joined(separator: ",")
        let request = try read(batch(#"{"type":"identify","userId":"\ud800","traits":{\#(traits)}}"#))
        #expect(Set(codes(request)) == [.tooManyTraits, .loneSurrogate])
        #expect(request.messages.count == 1)
    }

    /// A batch full of bad messages makes a bounded list that still counts all of them.
    @Test func reportsAreBounded() throws {
        let item = #"{"type":"identify"}"#
        let request = try read(#"{"batch":[\#(Array(repeating: item, count: 2500).joined(separator: ","))]}"#)
        #expect(request.reports.reports.count == 100)
        #expect(request.reports.reports.reduce(0) { $0 + $1.count } == 2500)
        #expect(request.reports.droppedMessages == 2500)
    }

    @Test func firstAndLastMessageIDsAreKept() throws {
        let request = try read(batch(
            #"{"type":"identify","userId":"a"}"#, #"{"type":"identify","userId":"b","messageId":"m1"}"#,
            #"{"type":"identify","userId":"c","messageId":"m2"}"#,
            #"{"type":"identify","userId":"c","messageId":"m3"}"#))
        #expect(request.firstMessageID == Array("m1".utf8))
        #expect(request.lastMessageID == Array("m3".utf8))
    }
}
