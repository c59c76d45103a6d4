import Control

/// A cohort of a source that is to be added to `rollcall.yaml`, run by hand until somebody gives it a schedule.
package struct CatalogAddition: Hashable, Sendable {
    /// The new cohort's key, which no other has.
    package var key: String
    package var source: String
    package var id: String
    package var name: String
    package var destination: String
}

/// The cohorts that sources have, to choose one from.
struct CatalogState: Sendable {
    var entries: [CatalogView]
    var selected = 0
}

extension CatalogAddition {
    /// A key made of a name: lower-case ASCII letters and digits, all else as dashes; numbered when it is taken.
    static func key(for name: String, id: String, taken: Set<String>) -> String {
        var key = ""
        for byte in name.utf8 where key.utf8.count < 48 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                key.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): key.unicodeScalars.append(Unicode.Scalar(byte + 32))
            default: if !key.isEmpty, !key.hasSuffix("-") { key += "-" }
            }
        }
        while key.hasSuffix("-") { key.removeLast() }
        if key.isEmpty { key = "cohort" }
        guard taken.contains(key) else { return key }
        return (2...10_001).lazy.map { "\(key)-\($0)" }.first { !taken.contains($0) } ?? key
    }
}
