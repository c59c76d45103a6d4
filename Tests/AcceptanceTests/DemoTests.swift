import Testing

/// The rehearsal (PRODUCT.md §3).
@Suite(.rationed)
struct DemoTests {
    @Test("demo --headless proves that the receiver's final state equals the cohorts, and leaves nothing behind")
    func headless() async throws {
        let workspace = try Workspace()
        let ending = try await workspace.rollcall("demo", "--headless", "--for", "8s", "--speed", "120", within: 100)
        #expect(ending.code == 0, "\(ending.text.suffix(2000)) \(ending.errors)")
        #expect(ending.text.split(separator: "\n").count > 5, "a line a run and a summary")
        #expect(ending.text.contains("held"), "it rehearses a held plan")
    }
}
