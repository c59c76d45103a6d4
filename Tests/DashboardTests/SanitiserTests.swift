import Control
import Dashboard
import Scheduling
import TerminalText
import Testing

/// Text from outside never acts on the terminal and never breaks the grid, wherever it shows.
struct SanitiserTests {
    static let hostile = [
        "\u{1B}[2J\u{1B}]0;x\u{7}", "a\r\nb\tc", "\u{202E}txt.exe", "z\u{200B}\u{200D}\u{FEFF}w", "日本語テキスト", "👨‍👩‍👧👍🏽🇳🇴",
        "e" + String(repeating: "\u{301}", count: 500), String(repeating: "W", count: 5_000), "\u{9B}31m", "\u{E0041}\u{E007F}",
        "", " ", "\u{301}\u{301}", "\u{AD}", "ﷺ", "\u{115F}\u{1160}",
    ]

    @Test(arguments: hostile)
    func everyScreenKeepsItsGrid(text: String) {
        var model = Sample.empty()
        var status = Sample.statuses[3]
        (status.sync, status.cohort, status.destination, status.reason) = ("\(text)@\(text)", text, text, text)
        (status.schedule, status.name, status.trait, status.source) = (text, text, text, text)
        var run = Sample.held
        (run.sync, run.reason, run.held_by, run.trait, run.plan) = (status.sync, text, [text], text, text)
        var event = Sample.events[5]
        (event.user, event.sync, event.reason, event.request) = (text, status.sync, text, text)
        var reject = Sample.rejects[0]
        (reject.user, reject.sync, reject.reason) = (text, status.sync, text)
        var destination = Sample.destinations[0]
        (destination.destination, destination.address, destination.last_answer, destination.reason) = (text, text, text, text)
        _ = model.update(.answer(.status([status])))
        _ = model.update(.answer(.runs([run])))
        _ = model.update(.answer(.backlog([event])))
        _ = model.update(.answer(.rejects([reject])))
        _ = model.update(.answer(.destinations([destination])))
        _ = model.update(.logLines([LogLine(at: Sample.now, level: .error, source: text, text: text)]))
        _ = model.update(.effectDone(.refused(.redraw, text)))
        for keys in ["1", "2", "3", "4", "5", "<enter>", "6", "7", "8", "9", "w", "1 r", "<esc> a", "<esc> :", "<esc> ?"] {
            _ = model.press(keys)
            for (width, height) in [(40, 10), (80, 24), (130, 40)] { check(present(model, width: width, height: height)) }
        }
    }

    private func check(_ frame: Frame) {
        for row in 0..<frame.height {
            var column = 0
            while column < frame.width {
                let cell = frame[row, column].text
                let width = DisplayWidth.of(cell)
                guard (1...2).contains(width), cell.unicodeScalars.count <= 5 else {
                    Issue.record("cell \(row),\(column) holds \(cell.debugDescription)")
                    return
                }
                for scalar in cell.unicodeScalars {
                    #expect(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value))
                    #expect(!(0x202A...0x202E).contains(scalar.value) && !(0x200B...0x200F).contains(scalar.value))
                }
                if width == 2, column + 1 < frame.width { #expect(frame[row, column + 1].text.isEmpty) }
                column += width
            }
            #expect(column == frame.width, "row \(row) is \(column) wide")
        }
    }

    @Test func asciiScreensAreASCII() {
        var model = Sample.full(Sample.options { $0.isASCII = true })
        for keys in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "w", "1 r", "<esc> j a", "<esc> :", "<esc> ?", "<esc> e"] {
            _ = model.press(keys)
            for (width, height) in [(40, 10), (80, 24), (200, 60)] {
                let text = present(model, width: width, height: height).text
                #expect(text.utf8.allSatisfy { $0 < 0x80 }, "\(keys)")
                #expect(!text.contains("\\u{20") && !text.contains("\\u{25"), "\(keys): \(text)")
            }
        }
    }

    @Test func monoHasNoColours() {
        let model = Sample.full(Sample.options { $0.theme = .mono })
        for keys in ["1", "3", "5", "6", "7", "8", "9", "w"] {
            let frame = present(model.pressed(keys), width: 120, height: 40)
            #expect(frame.cells.allSatisfy { $0.style.foreground == nil && $0.style.background == nil })
        }
    }

    @Test func tablesAreSavedAsCSV() throws {
        var model = Sample.full()
        var status = Sample.statuses[3]
        (status.sync, status.reason, status.schedule) = ("=cmd|' /C calc'!A0@hook", "a \"b\", c\nd", "-1+1")
        _ = model.update(.answer(.status([status])))
        guard case .saveTable(let name, let csv)? = model.press("S").first else {
            Issue.record("nothing is saved")
            return
        }
        #expect(name == "syncs")
        #expect(csv.hasPrefix("sync,status,schedule,next,last,"))
        #expect(csv.contains("'=cmd|' /C calc'!A0@hook,failed,'-1+1,"))
        #expect(csv.contains("\"a \"\"b\"\", c^Jd\""))
    }
}
