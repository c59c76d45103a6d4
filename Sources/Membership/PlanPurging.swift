extension Plan {
    /// Writes the plan anew without one member, durably, to `path`. All other changes keep their order and attempts;
    /// those behind the member move up by one. The new file has a hash of its own.
    /// - Throws: ``StateFileError`` when the file is damaged or the new one cannot be written.
    package func without(_ member: MemberID, at path: String) throws(StateFileError) -> Plan {
        let unwanted = OwnedCode(member)
        var writer = try PlanWriter(like: self, at: path)
        let stream = try RecordStream(file)
        while try stream.advance() {
            for index in 0..<stream.count {
                let isUnwanted = stream.hashes[index] == unwanted.hash
                    && unwanted.withCode { stream.code(index).equals($0) }
                if !isUnwanted { try writer.copy(stream, index) }
            }
        }
        return try writer.finish()
    }

    /// One hash over several plans that are approved together: SHA-256 over their hashes in order, 64 hex digits.
    package static func combinedHash(of plans: [Plan]) -> String {
        var hash = SHA256()
        for plan in plans { hash.update(Array(plan.summary.hash.utf8)) }
        return Hexadecimal.text(hash.digest())
    }
}
