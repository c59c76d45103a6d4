import Foundation
import Glibc
import Testing

@testable import Configuration

struct FileTests {
    private let text = workspace(cohort: "source: lists\nfile: v.csv\nto: [segment]\nschedule: hourly")

    @Test func loadsTheWorkspacesFile() throws {
        let folder = TemporaryFolder()
        folder.write(text, to: "rollcall.yaml")
        let loaded = try Configuration.load(workspace: folder.path)
        #expect(loaded.path == folder.file("rollcall.yaml"))
        #expect(loaded.bytes == Array(text.utf8))
        #expect(loaded.model == (try model(text)))
        #expect(loaded.digest.count == 64)
        #expect(loaded.digest == (try Configuration.load(workspace: folder.path + "/")).digest)
        #expect(
            ConfigurationFile.digest(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func missingFileIsItsOwnCase() {
        let folder = TemporaryFolder()
        #expect(throws: ConfigurationError.missing(file: folder.file("rollcall.yaml"))) {
            try Configuration.load(workspace: folder.path)
        }
    }

    @Test func whatIsNoFileIsRefusedAndNeverBlocks() {
        let folder = TemporaryFolder()
        mkfifo(folder.file("rollcall.yaml"), 0o600)
        let path = folder.file("rollcall.yaml")
        #expect(throws: ConfigurationError.unreadable(file: path, reason: "it is not a regular file")) {
            try Configuration.load(workspace: folder.path)
        }
        unlink(path)
        mkdir(path, 0o700)
        #expect(throws: ConfigurationError.unreadable(file: path, reason: "it is not a regular file")) {
            try Configuration.load(workspace: folder.path)
        }
        #expect(throws: ConfigurationError.self) { try Configuration.load(workspace: "a\0b") }
    }

    @Test func invalidFileNamesItself() throws {
        let folder = TemporaryFolder()
        folder.write("version: 3\n", to: "rollcall.yaml")
        do {
            _ = try Configuration.load(workspace: folder.path)
            Issue.record("it was loaded")
        } catch {
            #expect(error.file == folder.file("rollcall.yaml"))
            #expect("\(error)".hasPrefix("\(folder.path)/rollcall.yaml:1:10: version \"3\""))
        }
    }

    @Test func writesInOneStepAndKeepsTheVersionBefore() throws {
        let folder = TemporaryFolder()
        folder.write(text, to: "rollcall.yaml", mode: 0o640)
        let loaded = try Configuration.load(workspace: folder.path)
        var editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
        try editor.setPaused(cohort: "vips", paused: true)
        let state = folder.file("state")
        let written = try editor.write(to: folder.path, keepingPreviousIn: state, expecting: loaded.digest)
        #expect(folder.read("rollcall.yaml") == editor.bytes)
        #expect(folder.read("state/rollcall.yaml.previous") == loaded.bytes)
        #expect(written == (try Configuration.load(workspace: folder.path)))
        #expect(mode(folder.file("rollcall.yaml")) == 0o640)
        #expect(mode(state) == 0o700)
        #expect(mode(state + "/rollcall.yaml.previous") == 0o600)
        #expect(folder.names == ["rollcall.yaml", "state"])
    }

    @Test func doesNotOverwriteWhatChangedMeanwhile() throws {
        let folder = TemporaryFolder()
        folder.write(text, to: "rollcall.yaml")
        let loaded = try Configuration.load(workspace: folder.path)
        var editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
        try editor.setPaused(cohort: "vips", paused: true)
        folder.write(text + "# mine\n", to: "rollcall.yaml")
        let expected = ConfigurationWriteError.changedMeanwhile(file: loaded.path)
        #expect(throws: expected) {
            try editor.write(to: folder.path, keepingPreviousIn: folder.path, expecting: loaded.digest)
        }
        #expect(folder.read("rollcall.yaml") == Array((text + "# mine\n").utf8))
        unlink(folder.file("rollcall.yaml"))
        #expect(throws: expected) {
            try editor.write(to: folder.path, keepingPreviousIn: folder.path, expecting: loaded.digest)
        }
        #expect(folder.names == [])
    }

    @Test func changeBeforeTheLastLookIsSeen() {
        let folder = TemporaryFolder()
        folder.write("old", to: "f")
        let path = folder.file("f")
        #expect(throws: ConfigurationWriteError.changedMeanwhile(file: path)) {
            try AtomicFile.write([0x61], to: path, like: nil, replacing: Array("older".utf8))
        }
        #expect(folder.read("f") == Array("old".utf8))
        #expect(folder.names == ["f"])
    }

    @Test func saveByRenameInTheInstantOfOursIsNotOverwritten() {
        let folder = TemporaryFolder()
        folder.write("old", to: "f")
        let path = folder.file("f")
        #expect(throws: ConfigurationWriteError.changedMeanwhile(file: path)) {
            try AtomicFile.write(Array("ours".utf8), to: path, like: nil, replacing: Array("old".utf8)) {
                folder.write("theirs", to: "g")
                rename(folder.file("g"), path)
            }
        }
        #expect(folder.read("f") == Array("theirs".utf8))
        #expect(folder.names == ["f"])
    }

    @Test func saveInPlaceThatIsUnderWayIsNotOverwritten() {
        let folder = TemporaryFolder()
        folder.write("old", to: "f")
        let path = folder.file("f")
        let editor = open(path, O_WRONLY)
        // Opened, nothing written yet: the content alone would not show it. It is written once ours is in the place.
        let saving = Thread {
            while folder.read("f") == Array("old".utf8) { usleep(1_000) }
            _ = write(editor, "new", 3)
            close(editor)
        }
        #expect(throws: ConfigurationWriteError.changedMeanwhile(file: path)) {
            try AtomicFile.write(Array("ours".utf8), to: path, like: nil, replacing: Array("old".utf8)) {
                saving.start()
            }
        }
        #expect(folder.read("f") == Array("new".utf8))
        #expect(folder.names == ["f"])
        #expect(throws: Never.self) {
            try AtomicFile.write(Array("ours".utf8), to: path, like: nil, replacing: Array("new".utf8))
        }
        #expect(folder.read("f") == Array("ours".utf8))
    }

    @Test func whoHoldsTheFileOpenWithoutWritingDoesNotStopAnEdit() throws {
        let folder = TemporaryFolder()
        folder.write("old", to: "f")
        let idle = open(folder.file("f"), O_WRONLY)
        defer { close(idle) }
        try AtomicFile.write(Array("ours".utf8), to: folder.file("f"), like: nil, replacing: Array("old".utf8))
        #expect(folder.read("f") == Array("ours".utf8))
        #expect(folder.names == ["f"])
    }

    @Test func deletionInTheInstantOfOursIsSeen() {
        let folder = TemporaryFolder()
        folder.write("old", to: "f")
        let path = folder.file("f")
        #expect(throws: ConfigurationWriteError.changedMeanwhile(file: path)) {
            try AtomicFile.write(Array("ours".utf8), to: path, like: nil, replacing: Array("old".utf8)) {
                unlink(path)
            }
        }
        #expect(folder.names == [])
    }

    @Test func linkStaysALink() throws {
        let folder = TemporaryFolder()
        mkdir(folder.file("dotfiles"), 0o700)
        folder.write(text, to: "dotfiles/mine.yaml")
        symlink("dotfiles/mine.yaml", folder.file("rollcall.yaml"))
        let loaded = try Configuration.load(workspace: folder.path)
        var editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
        try editor.setSchedule(cohort: "vips", to: ScheduleEdit(when: "manual"))
        try editor.write(to: folder.path, keepingPreviousIn: folder.path, expecting: loaded.digest)
        var status = stat()
        #expect(lstat(folder.file("rollcall.yaml"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(folder.read("dotfiles/mine.yaml") == editor.bytes)
    }

    @Test func systemsRefusalLeavesTheFile() throws {
        let folder = TemporaryFolder()
        folder.write(text, to: "rollcall.yaml")
        let loaded = try Configuration.load(workspace: folder.path)
        let editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
        #expect(throws: ConfigurationWriteError.self) {
            try editor.write(
                to: folder.path, keepingPreviousIn: folder.file("no/such/folder"), expecting: loaded.digest)
        }
        #expect(folder.read("rollcall.yaml") == Array(text.utf8))
        #expect(folder.names == ["rollcall.yaml"])
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }
}
