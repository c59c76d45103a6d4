import Scheduling

extension Painter {
    mutating func editorScreen(_ model: DashboardModel, _ region: Region) {
        guard let editor = model.editor else { return }
        let isWide = region.width >= 110 && region.height >= 28
        if isWide {
            let half = region.width * 3 / 5
            let form = Region(row: region.row, column: 0, width: half, height: 13)
            let fires = Region(row: region.row, column: half, width: region.width - half, height: 13)
            box(form, title: "schedule of \(editor.cohort)", isFocused: true)
            draw(form: editor, form.inside, isRoomy: true)
            box(fires, title: editor.preview.isOutdated ? "next fires of the last valid text" : "next fires")
            draw(firesOf: editor, fires.inside)
            let map = Region(row: form.bottom, column: 0, width: region.width, height: 10)
            box(map, title: "week map", note: "hours in \(editor.preview.zoneName)")
            draw(weekOf: editor, map.inside)
            let rest = Region(
                row: map.bottom, column: 0, width: region.width, height: region.bottom - map.bottom)
            box(rest, title: "effect")
            draw(effectOf: editor, rest.inside)
            return
        }
        let isRoomy = region.height >= 16
        let form = Region(row: region.row, column: 1, width: region.width - 2, height: isRoomy ? 9 : 7)
        draw(form: editor, form, isRoomy: isRoomy)
        let effects = isRoomy ? min(6, 1 + editor.preview.effects.count + editor.preview.warnings.count) : 0
        let fires = Region(row: form.bottom, column: 0, width: region.width, height: region.bottom - form.bottom - effects)
        guard fires.height >= 2 else { return }
        let which = editor.preview.isOutdated ? "next fires of the last valid text" : "next fires"
        rule("\(which): \(editor.preview.zoneName), UTC, in", row: fires.row, in: fires)
        draw(firesOf: editor, Region(row: fires.row + 1, column: 1, width: fires.width - 2, height: fires.height - 1))
        guard effects > 1 else { return }
        let effect = Region(row: fires.bottom, column: 0, width: region.width, height: effects)
        rule("effect", row: effect.row, in: effect)
        draw(effectOf: editor, Region(row: effect.row + 1, column: 1, width: effect.width - 2, height: effects - 1))
    }

    private mutating func draw(form editor: ScheduleEditor, _ region: Region, isRoomy: Bool) {
        var offset = 0
        for field in ScheduleEditor.Field.allCases where offset < region.height {
            let isFocused = editor.focus == field
            let row = region.row + offset
            put(
                field.label, row: row, column: region.column, width: 10,
                role: editor.preview.problems[field] != nil ? .error : isFocused ? .strong : .dim)
            draw(field, editor, row: row, region, isFocused: isFocused)
            offset += 1
            if field == .when {
                draw(meaningOf: editor, row: region.row + offset, lines: isRoomy ? 2 : 1, region)
                offset += 1
                if isRoomy {
                    draw(problemOf: editor, row: region.row + offset, region)
                    offset += 1
                }
            }
        }
        guard isRoomy, offset < region.height, let elsewhere = editor.elsewhere else { return }
        line("rollcall.yaml says `\(elsewhere.when)` by now; Ctrl-R takes it over", offset, in: region, role: .error)
    }

    private mutating func draw(
        _ field: ScheduleEditor.Field, _ editor: ScheduleEditor, row: Int, _ region: Region, isFocused: Bool
    ) {
        let column = region.column + 10
        let room = max(0, region.width - 10)
        if let choices = editor.choices(of: field) {
            var place = column
            let chosen = editor.value(field)
            for choice in choices {
                let mark = choice == chosen ? "(\(glyphs.isASCII ? "*" : glyphs.ok))" : "( )"
                place += put(
                    "\(mark) \(choice)", row: row, column: place, width: region.column + region.width - place,
                    role: choice == chosen ? isFocused ? .focusedField : .normal : .dim) + 2
            }
            if isFocused { showCursor(row: row, column: column + 1) }
            return
        }
        guard let text = editor.texts[field] else { return }
        let width = min(field == .when ? 44 : 26, max(8, room - 12))
        draw(text, row: row, column: column, width: width, isFocused: isFocused)
        let note: Span = switch field {
        case .when:
            editor.preview.problems[.when] == nil
                ? Span("\(glyphs.tick) valid", .good) : Span("\(glyphs.cross) not valid", .error)
        case .timezone:
            editor.preview.problems[.timezone].map { _ in Span("\(glyphs.cross) not valid", .error) }
                ?? Span(text.text.isEmpty ? "\(editor.defaultZone)  \(editor.preview.zoneNote)" : editor.preview.zoneNote, .dim)
        case .jitter: editor.preview.problems[.jitter].map { _ in Span("\(glyphs.cross) not valid", .error) } ?? Span("")
        default: Span("")
        }
        put(note.text, row: row, column: column + width + 2, width: max(0, room - width - 2), role: note.role)
    }

    /// What the schedule means in words, or what is wrong with it.
    private mutating func draw(meaningOf editor: ScheduleEditor, row: Int, lines: Int, _ region: Region) {
        let column = region.column + 10
        let width = max(0, region.width - 10)
        guard editor.preview.problems[.when] != nil else {
            let role: Role = editor.preview.isOutdated ? .dim : .normal
            for (offset, text) in wrapped(editor.preview.words, width: width).prefix(lines).enumerated() {
                put(text, row: row + offset, column: column, width: width, role: role)
            }
            return
        }
        let place = min(editor.preview.problemColumn ?? 0, max(0, min(43, width - 1)))
        put("^", row: row, column: column + place, width: 1, role: .error)
        let room = width - place - 2
        // The line below is for suggestions where there are any.
        let most = editor.preview.suggestions.isEmpty ? lines : 1
        let text = editor.preview.problems[.when] ?? ""
        for (offset, part) in (most > 1 ? wrapped(text, width: room) : [text]).prefix(most).enumerated() {
            put(part, row: row + offset, column: column + place + 2, width: room, role: .error)
        }
    }

    /// Broken at blanks.
    func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, columns(of: last) + columns(of: String(word)) + 1 <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// What is wrong, whole: beside its field there may be no room.
    private mutating func draw(problemOf editor: ScheduleEditor, row: Int, _ region: Region) {
        for field in [ScheduleEditor.Field.timezone, .jitter] {
            guard editor.preview.problems[.when] == nil, let problem = editor.preview.problems[field] else { continue }
            put(problem, row: row, column: region.column, width: region.width, role: .error)
            return
        }
        guard editor.preview.problems[.when] != nil, !editor.preview.suggestions.isEmpty else { return }
        let text = "perhaps " + editor.preview.suggestions.prefix(3).map { "`\($0)`" }.joined(separator: ", ")
        put(text, row: row, column: region.column + 10, width: max(0, region.width - 10), role: .dim)
    }

    private mutating func draw(firesOf editor: ScheduleEditor, _ region: Region) {
        let preview = editor.preview
        let faint: Role = preview.isOutdated ? .dim : .normal
        if preview.rows.isEmpty { line("nothing fires", 0, in: region, role: .dim) }
        var changes = region.height >= 5 ? preview.clockChanges.count : 0
        var offset = 0
        for row in preview.rows {
            let utc = Zone.utc.local(of: row.at)
            var spans = [
                Span(ticker.dayAndClock(row.local).padded(to: 19), faint),
                Span("\(utc.clock)Z".padded(to: 9), .dim),
                Span("in \(ticker.span(until: row.at))".padded(to: 11), .dim),
            ]
            var isApart = false
            if let note = row.note {
                isApart = columns(of: note) > region.width - 39
                if !isApart { spans.append(Span(note, .warning)) }
            }
            // A fire and what is said below it stay together; that goes before the list of clock changes.
            let needed = isApart ? 2 : 1
            if isApart, changes > 0, offset + needed == region.height - changes + 1 { changes -= 1 }
            guard offset + needed <= region.height - changes else { break }
            if !row.with.isEmpty {
                let names = region.width >= 70 ? row.with.joined(separator: ", ") : "\(row.with.count)"
                spans.append(Span(region.width >= 52 ? "\(glyphs.late) with \(names)" : "+\(names)", .warning))
            }
            line(spans, offset, in: region)
            offset += 1
            // What happens at a clock change is said whole.
            if isApart, let note = row.note {
                line([Span("  " + note, .warning)], offset, in: region)
                offset += 1
            }
        }
        for (offset, change) in preview.clockChanges.prefix(changes).enumerated() {
            line(change, region.height - changes + offset, in: region, role: .dim)
        }
    }

    private mutating func draw(weekOf editor: ScheduleEditor, _ region: Region) {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let cell = region.width >= 110 ? 4 : 3
        var heading = "     "
        for hour in stride(from: 0, to: 24, by: 2) {
            heading += DurationText.two(Int64(hour)).padded(to: cell * 2)
        }
        line(
            [
                Span(heading, .dim), Span(glyphs.barFull, .active), Span(" this "), Span(glyphs.barEmpty), Span(" others  "),
                Span("\(glyphs.barFull)\(glyphs.late)", .active), Span(" both"),
            ],
            0, in: region)
        for (day, hours) in editor.preview.week.enumerated() where days.indices.contains(day) {
            var spans = [Span(days[day] + "  ", .dim)]
            for hour in hours {
                let mark = hour.own && hour.others ? glyphs.late : " "
                let text = hour.own ? glyphs.barFull : hour.others ? glyphs.barEmpty : " "
                spans.append(Span((text + mark).padded(to: cell), hour.own ? .active : .dim))
            }
            line(spans, day + 1, in: region)
        }
    }

    private mutating func draw(effectOf editor: ScheduleEditor, _ region: Region) {
        var lines = editor.preview.warnings.map { Span("\(glyphs.late) \($0)", .warning) }
        lines += editor.preview.effects.map { Span($0) }
        if editor.isChanged {
            lines.append(Span("before   \(editor.before.when)" + (editor.before.timezone.map { "  \($0)" } ?? ""), .dim))
        }
        for (offset, span) in lines.enumerated() { line([span], offset, in: region) }
    }
}
