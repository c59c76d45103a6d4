import Foundation
import Testing

/// The man page is made from the commands and the key table; the file in the tree must be the one that they make.
/// `ROLLCALL_UPDATE_GOLDENS=1` writes it anew.
struct ManualTests {
    @Test("the man page in the tree is what the program's own tables make")
    func page() async throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Resources/rollcall.1")
        let made = try await Workspace().rollcall("manual")
        #expect(made.code == 0)
        if ProcessInfo.processInfo.environment["ROLLCALL_UPDATE_GOLDENS"] != nil {
            try made.text.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: path, encoding: .utf8) == made.text, "make it anew: rollcall manual > Resources/rollcall.1")
        for word in ["Ic sync", "Ic r", "freeze or unfreeze all sending", "Held, waiting for approval"] {
            #expect(made.text.contains(word))
        }
    }
}
