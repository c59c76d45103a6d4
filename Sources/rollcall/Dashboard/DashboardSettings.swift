import Configuration
import Dashboard
import Glibc
import Scheduling

/// What is decided before a dashboard opens: `dashboard.yaml`, the environment, the operator's zone.
enum DashboardSettings {
    /// - Throws: ``Failure`` 78 with every mistake of `dashboard.yaml`, each with its place.
    static func options(_ location: WorkspaceLocation) throws(Failure) -> DashboardOptions {
        var options = DashboardOptions()
        options.workspace = location.folder.split(separator: "/").last.map(String.init) ?? "/"
        options.zone = operatorZone
        options.isASCII = !isUTF8
        if WorkspaceLocation.variable("NO_COLOR") != nil { options.theme = .mono }
        let file: DashboardFile
        do throws(ConfigurationError) {
            file = try DashboardFile.load(workspace: location.folder)
        } catch {
            throw .configuration(error.description)
        }
        try apply(file, to: &options)
        return options
    }

    private static func apply(_ file: DashboardFile, to options: inout DashboardOptions) throws(Failure) {
        var problems: [String] = []
        func complain(_ place: Place, _ message: String) {
            problems.append("\(file.path):\(place.line):\(place.column): \(message)")
        }
        if let entry = file.theme {
            if let theme = Theme(rawValue: entry.text) {
                options.theme = theme
            } else {
                complain(entry.place, "there is no theme \"\(entry.text)\"; write "
                    + Theme.allCases.map(\.rawValue).joined(separator: ", "))
            }
        }
        options.isMouseOn = file.mouse
        for (action, entry) in file.keys.sorted(by: { $0.key < $1.key }) {
            do throws(KeymapError) {
                _ = try Keymap(remapping: [action: entry.text])
            } catch .collisions(_) {
                // Judged below, once every key is known.
            } catch {
                complain(entry.place, error.description)
            }
        }
        if problems.isEmpty {
            do throws(KeymapError) {
                options.keymap = try Keymap(remapping: file.keys.mapValues(\.text))
            } catch {
                problems.append("\(file.path): \(error.description)")
            }
        }
        for (list, entries) in file.columns.sorted(by: { $0.key < $1.key }) {
            let place = entries.first?.place ?? Place(line: 1, column: 1)
            guard let kind = ListKind(rawValue: list == "overview" ? "syncs" : list) else {
                complain(place, "there is no list \"\(list)\"; write "
                    + ListKind.allCases.map(\.rawValue).joined(separator: ", "))
                continue
            }
            let known = kind.columnNames
            for entry in entries where !known.contains(entry.text) {
                complain(entry.place, "\(list) has no column \"\(entry.text)\"; it has \(known.joined(separator: ", "))")
            }
            options.hiddenColumns[kind] = Set(known).subtracting(entries.map(\.text))
        }
        guard problems.isEmpty else { throw .configuration(problems.joined(separator: "\n")) }
    }

    /// Whether the environment's character set is UTF-8 (POSIX: LC_ALL before LC_CTYPE before LANG).
    private static var isUTF8: Bool {
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { WorkspaceLocation.variable($0) }.first ?? "C"
        let codeset = name.lowercased().filter { $0 != "-" }
        return codeset.contains("utf8")
    }

    /// The zone in which this operator reads clocks: `TZ`, else the machine's.
    private static var operatorZone: Zone {
        var names: [String] = []
        if let name = WorkspaceLocation.variable("TZ") { names.append(name.hasPrefix(":") ? String(name.dropFirst()) : name) }
        if let path = realpath("/etc/localtime", nil) {
            defer { free(path) }
            let parts = String(cString: path).components(behind: "/zoneinfo/")
            names += parts.map { [$0] } ?? []
        }
        for name in names {
            if let zone = try? Zone.named(name) { return zone }
        }
        return .utc
    }
}

extension String {
    /// What stands behind the first occurrence of a mark; nil without one.
    fileprivate func components(behind mark: String) -> String? {
        guard let range = firstRange(of: mark) else { return nil }
        return String(self[range.upperBound...])
    }
}
