import Control
import Dashboard
import Glibc
import SyncEngine

/// Plays a `--script` file: waits for the texts it waits for, writes the screens it dumps.
struct ScriptRun {
    let host: DashboardHost
    let files: WorkspaceFiles
    let script: Script

    /// How long a `wait` may take, in milliseconds.
    static let patience: Int64 = 60_000

    /// - Throws: ``Failure`` with exit code 1 when a text does not come, or a screen cannot be written.
    func play() async throws(Failure) {
        var player = ScriptPlayer(script)
        while true {
            await settle()
            let current = player
            let size = host.frame()
            let (next, outcome) = host.change { model in
                var player = current
                let outcome = player.step(&model, width: size.width, height: size.height)
                // Leaving waits until what came before has been carried out.
                if case .advanced(let effects) = outcome { return ((player, outcome), effects.filter { $0 != .quit }) }
                return ((player, outcome), [])
            }
            player = next
            switch outcome {
            case .finished: return await finish()
            case .advanced(let effects):
                if effects.contains(.quit) { return await finish() }
            case .dump(let name):
                if case .failure(let refusal) = files.dump(host.frame().text + "\n", name: name, kind: "screen", ending: "txt") {
                    throw Failure(1, refusal.message)
                }
            case .waiting(let text): try await wait(for: text)
            }
        }
    }

    /// Lets what the last steps began be carried out and answered.
    private func finish() async {
        let deadline = SystemClock().monotonic() + Self.patience
        while !host.isIdle, SystemClock().monotonic() < deadline {
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
        await settle()
    }

    /// Lets the engine answer what the step before asked, so that no step acts on an empty screen.
    private func settle() async {
        let deadline = SystemClock().monotonic() + 10_000
        while !host.isSettled, SystemClock().monotonic() < deadline {
            try? await Task.sleep(nanoseconds: 5_000_000)
        }
    }

    private func wait(for text: String) async throws(Failure) {
        let deadline = SystemClock().monotonic() + Self.patience
        while SystemClock().monotonic() < deadline {
            if host.frame().text.contains(text) { return }
            // Looked at now and then, since countdowns change what shows without anything happening.
            try? await Task.sleep(nanoseconds: 50_000_000)
        }
        throw Failure(1, "the script waits for \"\(text)\", which did not show within 60 s; the screen was:\n"
            + host.frame().text)
    }
}
