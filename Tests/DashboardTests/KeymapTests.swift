import Dashboard
import Testing

struct KeymapTests {
    @Test func standardKeysDoNotCollide() {
        #expect(Keymap.collisions(in: KeyTable.bindings).isEmpty)
    }

    @Test func everyActionIsInTheTableOnce() {
        for action in Action.allCases {
            #expect(KeyTable.bindings.filter { $0.action == action }.count == 1, "\(action)")
        }
    }

    @Test func everyKeyOfTheProductIsThere() {
        let keys = "j k g G 1 2 3 4 5 6 7 8 9 q w r D x a X F p u e E A R V * / n N U s < > I c T f z y Y S P : ?"
        let all = Set(KeyTable.bindings.flatMap(\.keys))
        for word in keys.split(separator: " ") { #expect(all.contains(.character(Character(String(word)))), "\(word)") }
        for key in [Key.up, .down, .left, .right, .pageUp, .pageDown, .tab, .backTab, .enter, .escape, .character(" "),
            .control("d"), .control("u"), .control("z"), .control("s"), .control("r")]
        {
            #expect(all.contains(key))
        }
    }

    @Test func whatChangesNeverSitsOnAControlOrMovementKey() {
        for binding in KeyTable.bindings where binding.changes && binding.action != .save {
            for key in binding.keys {
                if case .character(let character) = key { #expect(!"jkgGnN".contains(character)) } else {
                    Issue.record("\(binding.action) is on \(key)")
                }
            }
        }
    }

    @Test func destructiveActionsAsk() {
        for action in [Action.sync, .cancel, .approve, .discard, .freeze, .retry, .dismiss] {
            #expect(KeyTable.bindings.first { $0.action == action }.map { $0.level != .none } == true)
        }
    }

    @Test func remappedKeyWorksEverywhere() throws {
        let keymap = try Keymap(remapping: ["sync": "B", "undo": "none", "edit_schedule": "<f2>"])
        var model = Sample.full(Sample.options { $0.keymap = keymap })
        #expect(UpdateTests.acts(model.press("r y")) == [.copy("beta-testers@file")])
        #expect(model.press("B y").contains(.sync(["beta-testers@file"], full: false)))
        #expect(present(model, width: 120, height: 40).text.contains("B sync"))
        #expect(present(model.pressed("?"), width: 120, height: 40).text.contains("B *"))
        #expect(present(model.pressed(":"), width: 120, height: 40).text.contains("F2"))
    }

    @Test(arguments: [
        (["sync": "j"], "`j` would be both `down` and `sync`"), (["synk": "r"], "`synk` is no action; did you mean `sync`?"),
        (["sync": "<ctrl-q>"], "`<ctrl-q>` cannot be `sync`: no Ctrl key changes anything"),
        (["sync": "<enter>"], "`<enter>` cannot be `sync`: Enter opens and never changes anything"),
        (["sync": "<hyper>"], "`<hyper>` is no key for `sync`; write r, R, <space>, <ctrl-s>, <f2> or none"),
        (["retry": "X"], "`X` would be both `retry` and `dismiss`"),
        (["freeze": "<down>"], "`<down>` cannot be `freeze`: movement keys never change anything"),
    ])
    func badRemappingIsRefused(keys: [String: String], sentence: String) {
        #expect {
            try Keymap(remapping: keys)
        } throws: {
            ($0 as? KeymapError)?.description == sentence
        }
    }

    @Test func sameKeyInContextsThatNeverMeet() throws {
        _ = try Keymap(remapping: ["retry": "r"])
        #expect(throws: KeymapError.self) { try Keymap(remapping: ["retry": "F"]) }
    }

    @Test(arguments: [
        ("r", Key.character("r")), ("<enter>", .enter), ("enter", .enter), ("<Ctrl-S>", .control("s")), ("<space>", .character(" ")),
        ("<shift-tab>", .backTab), ("<f12>", .function(12)), ("<", .character("<")), ("<lt>", .character("<")), ("é", .character("é")),
    ])
    func notation(text: String, key: Key) { #expect(Key(notation: text) == key) }

    @Test(arguments: ["", "<>", "rr", "<ctrl-1>", "<f13>", "<f0>", "\u{1B}", "<ctrl->", "ctrl"])
    func badNotation(text: String) { #expect(Key(notation: text) == nil) }

    @Test func manualHasEveryKey() {
        let manual = KeyTable.manual
        for binding in KeyTable.bindings where !binding.keys.isEmpty {
            #expect(manual.contains(binding.title.prefix(12).replacing("-", with: "\\-")), "\(binding.action)")
        }
        #expect(!manual.contains { !$0.isASCII })
    }
}
