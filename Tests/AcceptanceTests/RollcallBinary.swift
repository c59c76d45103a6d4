import Foundation
import Glibc

/// The program under test: `ROLLCALL_BINARY`, else the newest `rollcall` in a `.build` folder above this file.
enum RollcallBinary {
    static let path: String = {
        if let named = ProcessInfo.processInfo.environment["ROLLCALL_BINARY"] { return named }
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            for kind in ["debug", "release"] {
                let candidate = folder.appendingPathComponent(".build/\(kind)/rollcall").path
                if access(candidate, X_OK) == 0 { return candidate }
            }
            folder.deleteLastPathComponent()
        }
        return "rollcall"
    }()
}
