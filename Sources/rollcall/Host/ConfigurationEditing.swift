import Configuration
import Control
import SyncEngine

/// Edits of `rollcall.yaml` that commands and the dashboard make: only the changed value moves.
enum ConfigurationEditing {
    /// Reads the file, changes it, and writes it back unless it was edited meanwhile.
    @discardableResult
    static func edit(
        _ location: WorkspaceLocation,
        _ change: (inout ConfigurationEditor) throws(ConfigurationEditError) -> Void
    ) throws(Refusal) -> [LineChange] {
        do {
            let current = try Configuration.load(workspace: location.folder)
            var editor = try ConfigurationEditor(current.bytes, file: current.path)
            try change(&editor)
            let lines = editor.describeChange()
            try editor.write(
                to: location.folder, keepingPreviousIn: location.state.path, expecting: current.digest)
            return lines
        } catch let error as ConfigurationError {
            throw Refusal(code: 78, message: error.description)
        } catch let error as ConfigurationEditError {
            throw Refusal(code: 78, message: error.description)
        } catch let error as ConfigurationWriteError {
            throw Refusal(code: 1, message: error.description)
        } catch {
            throw Refusal(code: 1, message: "\(error)")
        }
    }

    /// Pauses or resumes whole cohorts and single syncs.
    static func pause(_ request: PauseRequest, in editor: inout ConfigurationEditor) throws(ConfigurationEditError) {
        for name in request.names {
            if let sync = SyncID(name) {
                try editor.setPaused(cohort: sync.cohort, destinations: [sync.destination], paused: request.paused)
            } else {
                try editor.setPaused(cohort: name, destinations: nil, paused: request.paused)
            }
        }
    }

    /// Null keeps a key, an empty text takes it out.
    private static func field(_ text: String?) -> ScheduleEdit.Field {
        guard let text else { return .keep }
        return text.isEmpty ? .remove : .set(text)
    }

    static func schedule(
        _ request: ScheduleRequest, in editor: inout ConfigurationEditor
    ) throws(ConfigurationEditError) {
        var edit = ScheduleEdit(when: request.when)
        edit.timezone = field(request.timezone)
        edit.jitter = field(request.jitter)
        edit.overlap = field(request.overlap)
        edit.catchUp = field(request.catch_up)
        let cohort = SyncID(request.name)?.cohort ?? request.name
        try editor.setSchedule(cohort: cohort, to: edit)
        guard let isPaused = request.paused else { return }
        let all = editor.model.cohort(cohort)?.destinations ?? []
        let paused = isPaused ? all : request.paused_destinations ?? []
        try editor.setPaused(cohort: cohort, destinations: all.filter { !paused.contains($0) }, paused: false)
        if !paused.isEmpty { try editor.setPaused(cohort: cohort, destinations: paused, paused: true) }
    }
}
