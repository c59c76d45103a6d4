import CZlib
import Glibc

/// A folder that disappears with this value.
final class TemporaryFolder {
    let path: String

    init() {
        var name = Array("/tmp/rollcall-sources-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { fatalError("no temporary folder: errno \(errno)") }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        runShell("rm -rf '\(path)'")
    }

    func at(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        writeFile(at(name), bytes, mode: "w")
        return at(name)
    }
}

/// Writes or appends (`mode` is that of `fopen`).
func writeFile(_ path: String, _ bytes: [UInt8], mode: String) {
    guard let file = fopen(path, mode) else { fatalError("\(path) could not be opened: errno \(errno)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}

func readFile(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    return readAll(file)
}

/// Runs a line of shell; returns its status and what it printed.
@discardableResult
func runShell(_ line: String) -> (status: Int32, output: String) {
    guard let pipe = popen(line, "r") else { return (-1, "") }
    let output = readAll(pipe)
    let status = pclose(pipe)
    return (status, String(decoding: output, as: UTF8.self))
}

private func readAll(_ file: UnsafeMutablePointer<FILE>) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
}

/// One gzip member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 32)
    var input = bytes
    let count = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            deflate(&stream, Z_FINISH)
            return output.count - Int(stream.avail_out)
        }
    }
    return Array(output[..<count])
}
