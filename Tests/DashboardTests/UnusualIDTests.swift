import Control
import Dashboard
import Testing

/// Ids that look like others are told apart.
struct UnusualIDTests {
    /// Latin a and Cyrillic а.
    private static let twins = ["pay", "p\u{430}y"]

    private func screen(of user: String) -> String {
        var model = Sample.empty()
        _ = model.press("U")
        model.type(user)
        _ = model.press("<enter>")
        let view = UserView(user: user, sync: "vip@segment", member: true, told: "true", since: nil, events: [])
        _ = model.update(.answer(.user(id: user, [view])))
        return present(model, width: 100, height: 24).text
    }

    @Test func theUsersScreenTellsTheBytesOfWhatIsNotPlain() {
        #expect(screen(of: Self.twins[1]).contains("4 bytes, not all ASCII: 70 d0 b0 79"))
        #expect(!screen(of: Self.twins[0]).contains("not all ASCII"))
    }

    @Test func listsMarkThem() {
        var model = Sample.empty()
        let events = Self.twins.map {
            EventView(
                at: Sample.time(-5), sync: "vip@segment", run: "1", user: $0, event: "entered", status: "accepted", request: "1",
                http_status: 200, attempts: 1, reasserted: false, reason: nil)
        }
        _ = model.update(.answer(.backlog(events)))
        _ = model.press("5")
        let frame = present(model, width: 100, height: 24)
        let lines = frame.text.split(separator: "\n", omittingEmptySubsequences: false)
        let styles = Self.twins.map { twin -> Style? in
            guard let row = lines.firstIndex(where: { $0.contains(twin) }),
                let place = lines[row].firstRange(of: twin)
            else { return nil }
            return frame[row, lines[row].distance(from: lines[row].startIndex, to: place.lowerBound) + 1].style
        }
        #expect(styles.allSatisfy { $0 != nil } && styles[0] != styles[1])
    }
}
