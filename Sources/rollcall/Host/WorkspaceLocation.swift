import Glibc
import SyncEngine

/// Which workspace a command is about (PRODUCT.md §2): `--workspace DIR`, else `ROLLCALL_WORKSPACE`, else the user's
/// configuration folder.
struct WorkspaceLocation: Sendable {
    /// What `--workspace` said; set once before any command runs.
    nonisolated(unsafe) static var named: String?

    /// An absolute path.
    let folder: String
    let state: StateFolder

    var configuration: String { folder + "/rollcall.yaml" }

    /// A workspace that somebody named, by `--workspace` or in the environment.
    static var chosen: String? { named ?? variable("ROLLCALL_WORKSPACE") }

    static var current: WorkspaceLocation {
        if let chosen {
            let folder = absolute(chosen)
            return WorkspaceLocation(folder: folder, state: StateFolder(path: folder + "/.rollcall"))
        }
        let home = variable("HOME") ?? "/"
        let configuration = variable("XDG_CONFIG_HOME") ?? home + "/.config"
        let state = variable("XDG_STATE_HOME") ?? home + "/.local/state"
        return WorkspaceLocation(
            folder: absolute(configuration + "/rollcall"), state: StateFolder(path: absolute(state + "/rollcall")))
    }

    static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    static func absolute(_ path: String) -> String {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        if trimmed.hasPrefix("/") { return trimmed }
        guard let current = getcwd(nil, 0) else { return trimmed }
        defer { free(current) }
        let base = String(cString: current)
        return trimmed == "." ? base : base + "/" + trimmed
    }
}
