/// What is done with the records of two state files that are read side by side. A generic parameter rather than
/// closures, so that the compiler makes one tight loop of each merge.
protocol MergeVisitor {
    /// A record that only the left file has.
    mutating func onlyLeft(_ left: RecordStream, _ index: Int) throws(StateFileError)
    /// A record that only the right file has.
    mutating func onlyRight(_ right: RecordStream, _ index: Int) throws(StateFileError)
    /// A record that both files have.
    mutating func both(
        _ left: RecordStream, _ leftIndex: Int, _ right: RecordStream, _ rightIndex: Int
    ) throws(StateFileError)
    /// The left file's block is done with; what was borrowed from it ends now.
    mutating func leaveBlock(of left: RecordStream) throws(StateFileError)
}

extension MergeVisitor {
    @inline(__always)
    mutating func leaveBlock(of left: RecordStream) throws(StateFileError) {}

    /// Reads two files once, in their common order. A file that is nil is empty.
    mutating func merge(_ left: RecordStream?, _ right: RecordStream?) throws(StateFileError) {
        var leftSide = try MergeSide(left)
        var rightSide = try MergeSide(right)
        while let left = leftSide.current, let right = rightSide.current {
            try mergeBlocks(left, &leftSide.index, right, &rightSide.index)
            if leftSide.index == left.count {
                try leaveBlock(of: left)
                try leftSide.advance()
            }
            if rightSide.index == right.count { try rightSide.advance() }
        }
        while let left = leftSide.current {
            while leftSide.index < left.count {
                try onlyLeft(left, leftSide.index)
                leftSide.index += 1
            }
            try leaveBlock(of: left)
            try leftSide.advance()
        }
        while let right = rightSide.current {
            while rightSide.index < right.count {
                try onlyRight(right, rightSide.index)
                rightSide.index += 1
            }
            try rightSide.advance()
        }
    }

    /// Merges what two loaded blocks have left until one is done with.
    @inline(__always)
    private mutating func mergeBlocks(
        _ left: RecordStream, _ leftIndex: inout Int, _ right: RecordStream, _ rightIndex: inout Int
    ) throws(StateFileError) {
        let (leftHashes, leftCount) = (left.hashes, left.count)
        let (rightHashes, rightCount) = (right.hashes, right.count)
        var (i, j) = (leftIndex, rightIndex)
        defer { (leftIndex, rightIndex) = (i, j) }
        while i < leftCount, j < rightCount {
            let (a, b) = (leftHashes[i], rightHashes[j])
            if a == b, left.code(i).equals(right.code(j)) {
                try both(left, i, right, j)
                i &+= 1
                j &+= 1
            } else if a < b || (a == b && left.code(i).precedes(right.code(j))) {
                try onlyLeft(left, i)
                i &+= 1
            } else {
                try onlyRight(right, j)
                j &+= 1
            }
        }
    }
}

/// One of the two files of a merge and how far it has been read.
private struct MergeSide {
    /// The stream with a block loaded; nil at its end.
    var current: RecordStream?
    var index = 0

    init(_ stream: RecordStream?) throws(StateFileError) {
        current = stream
        try advance()
    }

    mutating func advance() throws(StateFileError) {
        index = 0
        guard let stream = current else { return }
        if try !stream.advance() { current = nil }
    }
}
