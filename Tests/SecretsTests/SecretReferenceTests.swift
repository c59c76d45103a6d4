import Testing

@testable import Secrets

/// The environment is passed in: changing that of the process would race with tests that run beside.
struct SecretReferenceTests {
    @Test func environmentVariables() throws {
        let values: [String: [UInt8]] = ["GOOD": [0x76, 0xFF], "EMPTY": []]
        #expect(try EnvironmentSecret.read("GOOD") { values[$0] } == Secret([0x76, 0xFF]))
        let empty = SecretError.unavailable("env EMPTY: the variable is empty; set it where rollcall is started")
        #expect(throws: empty) { try EnvironmentSecret.read("EMPTY") { values[$0] } }
        let absent = SecretError.unavailable("env NONE: the variable is not set; set it where rollcall is started")
        #expect(throws: absent) { try EnvironmentSecret.read("NONE") { values[$0] } }
        #expect(throws: SecretError.self) {
            try SecretReference.environment("ROLLCALL_NEVER_SET").resolve(relativeTo: "/")
        }
        #expect(try SecretReference.environment("PATH").resolve(relativeTo: "/").reveal().isEmpty == false)
    }

    @Test func credentialsOfTheServiceManager() throws {
        let folder = SecretFolder()
        #expect(message("seg.key", in: nil).contains("LoadCredential=seg.key:PATH"))
        #expect(message("seg.key", in: "relative").contains("CREDENTIALS_DIRECTORY is not set"))
        #expect(message("seg.key", in: folder.path).contains("no such file"))
        // An access list shows as access for the group.
        folder.write("key\n", to: "seg.key", mode: 0o440)
        let found = try SecretFile.readCredential("seg.key", reference: "x") { _ in Array(folder.path.utf8) }
        #expect(found == Secret(Array("key".utf8)))
        folder.write("key\n", to: "seg.key", mode: 0o604)
        #expect(message("seg.key", in: folder.path).contains("lets others at it"))
        for name in ["", ".", "..", "../key", "a/b"] {
            #expect(message(name, in: folder.path).contains("one file name"), "\(name)")
        }
    }

    @Test func descriptionsNameThePlaceAndNoArguments() {
        #expect(SecretReference.environment("A").description == "env A")
        #expect(SecretReference.file("/k").description == "file /k")
        #expect(SecretReference.command(["pass", "show", "c4n4ry"]).description == "command pass")
        #expect(SecretReference.systemdCredential("x").description == "systemd-credential x")
    }

    private func message(_ name: String, in folder: String?) -> String {
        do {
            _ = try SecretFile.readCredential(name, reference: "systemd-credential \(name)") { _ in
                folder.map { Array($0.utf8) }
            }
            return ""
        } catch {
            return error.message
        }
    }
}
