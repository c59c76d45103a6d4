import Control
import Dashboard
import Testing

struct FilterTests {
    @Test(arguments: [
        ("", 15), ("hook", 4), ("HOOK", 4), ("!hook", 11), ("to:hook", 4), ("to:segment status:ok", 5), ("status:failed", 1),
        ("!status:ok", 9), ("status:o", 7), ("~chrk", 1), ("~zzz", 0), ("cohort:big", 2), ("cohort:big to:tables", 1),
        ("sync:spenders@seg", 1), ("from:lists", 1), ("to:", 15), ("!", 15), ("~", 15), ("schedule:hourly", 2),
        ("\"weekly on\"", 1), ("\"weekly mon\"", 0), ("outcome:failed", 1), ("!to:segment !to:hook", 3), ("to:~sgm", 8),
        ("nosuchkey:x", 0), ("reason:503", 1), ("!~hook", 11),
    ])
    func grammar(filter: String, count: Int) {
        var model = Sample.full().pressed("/")
        model.type(filter)
        _ = model.press("<enter>")
        let text = present(model, width: 200, height: 60).text
        #expect(text.contains(Filter(filter).isEmpty ? "15 syncs" : "\(count)/15"), "\(filter)")
    }

    @Test func filterNarrowsAsItIsTyped() {
        var model = Sample.full().pressed("/")
        model.type("hoo")
        #expect(present(model, width: 80, height: 24).text.contains("4/15"))
        _ = model.press("<backspace> <backspace>")
        #expect(!present(model, width: 80, height: 24).text.contains("4/15"))
        _ = model.press("<esc>")
        #expect(present(model, width: 80, height: 24).text.contains("15 syncs"))
    }

    @Test func markAllTakesWhatIsFiltered() {
        var model = Sample.full().pressed("/")
        model.type("to:hook")
        let effects = UpdateTests.acts(model.press("<enter> * r y"))
        #expect(effects == [.sync(["churn-risk@hook", "high-ltv@hook", "cart-abandon@hook", "gdpr-erase@hook"], full: false)])
    }

    @Test func nextMatchGoesOnAfterTheFilterIsGone() {
        var model = Sample.full().pressed("/")
        model.type("hook")
        _ = model.press("<enter> <esc> n")
        #expect(present(model, width: 80, height: 24).text.contains("▸✗ churn-risk"))
        _ = model.press("n n")
        #expect(present(model, width: 80, height: 24).text.contains("▸! high-ltv"))
        _ = model.press("N")
        #expect(present(model, width: 80, height: 24).text.contains("▸✗ gdpr-erase"))
        _ = model.press("n n")
        #expect(present(model, width: 80, height: 24).text.contains("▸● cart-abandon"))
    }

    @Test(arguments: [("", "abc", true), ("ac", "abc", true), ("ca", "abc", false), ("abcd", "abc", false), ("é", "né", true)])
    func subsequence(word: String, text: String, expected: Bool) {
        #expect(Filter.isSubsequence(word, of: text) == expected)
    }

    @Test func streamFilterTakesNewLines() {
        var model = Sample.full().pressed("5 /")
        model.type("user:u_550012")
        _ = model.press("<enter>")
        let before = present(model, width: 120, height: 40).text
        _ = model.update(.notices([Sample.notice(3) { $0.event = Sample.events[2] }, Sample.notice(4) { $0.event = Sample.events[1] }]))
        let after = present(model, width: 120, height: 40).text
        #expect(before.contains("9/60"))
        #expect(after.contains("10/62"))
    }
}
