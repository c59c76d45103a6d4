/// A credential in memory. Nothing that prints, dumps or encodes values shows its bytes; only `reveal` gives them out,
/// so that every place where a secret leaves memory can be found by that word.
package struct Secret: Sendable, Equatable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The secret's bytes, to be put on the connection they are meant for and nowhere else.
    package func reveal() -> [UInt8] { bytes }

    /// The secret as text; invalid UTF-8 is replaced.
    package func revealText() -> String { String(decoding: bytes, as: UTF8.self) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
