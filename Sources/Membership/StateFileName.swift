import CCrypto

/// How files that are not finished yet are named, so that a killed process's leftovers are never taken for data.
package enum StateFileName {
    static let unfinishedSuffix = ".unfinished"

    /// Whether a file of this name was left behind by a process that died while writing it. It holds nothing that
    /// anybody was promised and may be deleted once no other process works on the folder.
    package static func isLeftover(_ name: String) -> Bool {
        name.hasSuffix(unfinishedSuffix)
    }

    /// A name beside `path` that nobody else uses.
    static func unfinished(_ path: String) throws(StateFileError) -> String {
        var random = [UInt8](repeating: 0, count: 8)
        guard ccrypto_random(&random, random.count) == 0 else {
            throw .io(path: path, errno: 0, what: "draw a random name for")
        }
        return "\(path).\(Hexadecimal.text(random))\(unfinishedSuffix)"
    }

    /// The folder that a path lies in.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }
}
