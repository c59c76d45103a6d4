import Foundation
import Glibc

/// What a program did to a folder and said to the network, in the order in which it did so; written by the library of
/// `Tests/WriteFaults`.
struct DiskLog: Sendable {
    enum Change: Sendable {
        case create(String)
        case makeFolder(String)
        case write(String, [UInt8], at: Int)
        case resize(String, Int)
        case rename(String, to: String)
        case remove(String)
        /// Of a file or of a folder.
        case sync(String)
        case send([UInt8])
    }

    var changes: [Change] = []

    init(_ bytes: [UInt8], below folder: String) throws {
        var index = 0
        func number(_ count: Int) throws -> Int {
            guard index + count <= bytes.count else { throw Overdue(description: "the log ends within a record") }
            defer { index += count }
            return (0..<count).reduce(0) { $0 | Int(bytes[index + $1]) << (8 * $1) }
        }
        func take(_ count: Int) throws -> [UInt8] {
            guard index + count <= bytes.count else { throw Overdue(description: "the log ends within a record") }
            defer { index += count }
            return Array(bytes[index..<index + count])
        }
        /// Paths as they are within the folder; the folder itself is empty.
        func local(_ path: [UInt8]) -> String {
            var text = String(decoding: path, as: UTF8.self).dropFirst(folder.count)
            if text.hasPrefix("/") { text = text.dropFirst() }
            return String(text)
        }
        while index < bytes.count {
            let letter = UnicodeScalar(try take(1)[0])
            let (pathCount, secondCount, offset) = (try number(4), try number(8), try number(8))
            let path = try take(pathCount)
            let hasSecond = ["W", "R", "X", "H", "N"].contains(letter)
            let second = hasSecond ? try take(secondCount) : []
            switch letter {
            case "C": changes.append(.create(local(path)))
            case "T": changes.append(.resize(local(path), 0))
            case "D": changes.append(.makeFolder(local(path)))
            case "W": changes.append(.write(local(path), second, at: offset))
            case "L": changes.append(.resize(local(path), offset))
            case "R": changes.append(.rename(local(path), to: local(second)))
            case "U": changes.append(.remove(local(path)))
            case "S": changes.append(.sync(local(path)))
            case "N": changes.append(.send(second))
            default: throw Overdue(description: "the log has a record of kind \(letter)")
            }
        }
    }
}

/// A folder's content as a disk keeps it: names apart from files, so that each can be lost without the other.
struct DiskFolder: Sendable {
    /// Files by number; a number is never used again.
    var files: [Int: [UInt8]] = [:]
    var names: [String: Int] = [:]
    var folders: Set<String> = []

    init() {}

    /// The content of a folder as it is.
    init(at root: String) throws {
        for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isFolder), isFolder.boolValue {
                folders.insert(name)
            } else {
                names[name] = names.count
                files[names.count - 1] = bytes(at: root + "/" + name)
            }
        }
    }

    /// Puts the content where `root` is, which is emptied before.
    func write(to root: String) throws {
        try? FileManager.default.removeItem(atPath: root)
        // A folder may be there although the name of the one above it was lost; that is made with it.
        let above = folders.map(Self.parent)
        for folder in Set([""] + above + folders).sorted() where mkdir(root + "/" + folder, 0o700) != 0 && errno != EEXIST {
            throw Overdue(description: "\(root)/\(folder) cannot be made: \(String(cString: strerror(errno)))")
        }
        for (name, number) in names where folders.contains(Self.parent(of: name)) || !name.contains("/") {
            let file = open(root + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            guard file >= 0 else { throw Overdue(description: "\(root)/\(name) cannot be made") }
            defer { close(file) }
            let content = files[number] ?? []
            guard Glibc.write(file, content, content.count) == content.count else {
                throw Overdue(description: "\(root)/\(name) cannot be written")
            }
        }
    }

    static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}

/// What is on the disk after the power went.
enum Survival: String, CaseIterable, Sendable {
    /// Only what was synced.
    case synced
    /// Everything, as after a kill.
    case everything
    /// Of what was not synced some, in any order.
    case some
    /// As `some`, and a write that was not synced arrives by sectors of 512 bytes.
    case torn
    /// All content, of the names only those that were synced.
    case namesLost
    /// All names, of the content only what was synced.
    case contentLost
}

/// Makes images of what a disk may hold when its power goes at some point of a log.
struct PowerLoss: Sendable {
    private let start: DiskFolder
    private let changes: [DiskLog.Change]
    /// For each change the file it is about, as a number, and for names the folders they stand in.
    private var subjects: [(file: Int?, folders: [String])] = []

    static let sector = 512

    init(from start: DiskFolder, _ log: DiskLog) {
        self.start = start
        changes = log.changes
        var names = start.names
        var next = (start.names.values.max() ?? 0) + 1
        for change in changes {
            switch change {
            case .create(let path):
                names[path] = next
                subjects.append((next, [DiskFolder.parent(of: path)]))
                next += 1
            case .makeFolder(let path): subjects.append((nil, [DiskFolder.parent(of: path)]))
            case .write(let path, _, _), .resize(let path, _):
                subjects.append((names[path], []))
            case .rename(let path, let new):
                let number = names.removeValue(forKey: path)
                names[new] = number
                subjects.append((number, [DiskFolder.parent(of: path), DiskFolder.parent(of: new)]))
            case .remove(let path):
                subjects.append((names.removeValue(forKey: path), [DiskFolder.parent(of: path)]))
            case .sync(let path): subjects.append((names[path], [path]))
            case .send: subjects.append((nil, []))
            }
        }
    }

    var count: Int { changes.count }

    /// What was sent before a point, and when.
    func sent(before end: Int) -> [(index: Int, bytes: [UInt8])] {
        changes[..<end].enumerated().compactMap { index, change in
            if case .send(let bytes) = change { (index, bytes) } else { nil }
        }
    }

    func image(before end: Int, _ survival: Survival, _ random: inout SeededDice) -> DiskFolder {
        let isSynced = synced(before: end)
        var disk = start
        for index in 0..<end {
            var isKept = isSynced[index]
            var isTorn = false
            if !isKept {
                switch survival {
                case .synced: break
                case .everything: isKept = true
                case .some: isKept = Bool.random(using: &random)
                case .torn:
                    isKept = random.draw(0...3) > 0
                    isTorn = true
                case .namesLost: isKept = subjects[index].folders.isEmpty
                case .contentLost: isKept = !subjects[index].folders.isEmpty
                }
            }
            if isKept { apply(index, to: &disk, isTorn: isTorn, &random) }
        }
        return disk
    }

    /// Whether each change is certain to be there: its file, or the folder of its name, was synced after it.
    private func synced(before end: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: end)
        var files: Set<Int> = []
        var folders: Set<String> = []
        for index in (0..<end).reversed() {
            let (file, parents) = subjects[index]
            if case .sync(let path) = changes[index] {
                if let file { files.insert(file) } else { folders.insert(path) }
                result[index] = true
            } else if parents.isEmpty {
                result[index] = file.map(files.contains) ?? true
            } else {
                result[index] = parents.allSatisfy(folders.contains)
            }
        }
        return result
    }

    private func apply(_ index: Int, to disk: inout DiskFolder, isTorn: Bool, _ random: inout SeededDice) {
        let file = subjects[index].file
        switch changes[index] {
        case .create(let path):
            disk.names[path] = file
            if let file, disk.files[file] == nil { disk.files[file] = [] }
        case .makeFolder(let path): disk.folders.insert(path)
        case .write(_, let bytes, let place):
            guard let file else { return }
            // Out of the dictionary while it is changed, so that it is not copied.
            var content = disk.files.removeValue(forKey: file) ?? []
            defer { disk.files[file] = content }
            if content.count < place + bytes.count {
                content += [UInt8](repeating: 0, count: place + bytes.count - content.count)
            }
            guard isTorn else { return content.replaceSubrange(place..<place + bytes.count, with: bytes) }
            var position = 0
            while position < bytes.count {
                let end = min(bytes.count, (place + position) / Self.sector * Self.sector + Self.sector - place)
                if Bool.random(using: &random) {
                    content.replaceSubrange(place + position..<place + end, with: bytes[position..<end])
                }
                position = end
            }
        case .resize(_, let size):
            guard let file else { return }
            var content = disk.files[file] ?? []
            if size <= content.count { content.removeLast(content.count - size) }
            else { content += [UInt8](repeating: 0, count: size - content.count) }
            disk.files[file] = content
        case .rename(let path, let new):
            disk.names[path] = nil
            disk.names[new] = file
        case .remove(let path): disk.names[path] = nil
        case .sync, .send: break
        }
    }
}
