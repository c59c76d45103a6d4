/// Guesses which zone was meant by something that is none.
enum ZoneNames {
    /// Names among `identifiers` that may have been meant, best first, at most three.
    static func near(_ text: String, among identifiers: [String]) -> [String] {
        guard text.utf8.count <= 64 else { return [] }
        let wanted = plain(text)
        guard !wanted.isEmpty else { return [] }
        let alias = byAbbreviation[text.uppercased()] ?? offsetName(text)
        if let alias, identifiers.contains(alias) { return [alias] }
        let equal = identifiers.filter { plain($0) == wanted }
        if !equal.isEmpty { return Array(equal.prefix(3)) }
        // A region alone, such as `America`, is near to all its cities.
        let regions = identifiers.compactMap { $0.split(separator: "/").first.map { plain(String($0)) } }
        if regions.contains(wanted) { return [] }

        let cities = identifiers.map { plain(String($0.split(separator: "/").last ?? "")) }
        let inCity = zip(identifiers, cities).filter { $0.1 == wanted || wanted.count > 2 && $0.1.starts(with: wanted) }
        if !inCity.isEmpty { return inCity.prefix(3).map(\.0) }
        let near = NearNames.nearest(to: text, among: identifiers)
        if !near.isEmpty { return near }
        let city = plain(String(text.split(separator: "/").last ?? ""))
        guard city.count >= 4 else { return [] }
        let allowed = city.count <= 6 ? 1 : 2
        return zip(identifiers, cities).filter { NearNames.distance($0.1, city, upTo: allowed) != nil }.prefix(3).map(\.0)
    }

    /// Lower case without anything that people leave out or put in.
    private static func plain(_ name: String) -> [UInt8] {
        NearNames.folded(name).filter { $0.isLetter || $0.digit != nil }
    }

    /// What people call their zone. An abbreviation names no zone, so these are only ever proposed.
    private static let byAbbreviation = [
        "PT": "America/Los_Angeles", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
        "MT": "America/Denver", "MDT": "America/Denver", "CT": "America/Chicago", "CDT": "America/Chicago",
        "CST": "America/Chicago", "ET": "America/New_York", "EDT": "America/New_York", "AKST": "America/Anchorage",
        "AKDT": "America/Anchorage", "AST": "America/Halifax", "ADT": "America/Halifax", "BRT": "America/Sao_Paulo",
        "BST": "Europe/London", "IST": "Asia/Kolkata", "CEST": "Europe/Berlin", "MESZ": "Europe/Berlin",
        "MEZ": "Europe/Berlin", "EEST": "Europe/Helsinki", "MSK": "Europe/Moscow", "JST": "Asia/Tokyo",
        "KST": "Asia/Seoul", "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong", "AEST": "Australia/Sydney",
        "AEDT": "Australia/Sydney", "AWST": "Australia/Perth", "NZST": "Pacific/Auckland",
        "NZDT": "Pacific/Auckland", "Z": "UTC", "COORDINATED UNIVERSAL TIME": "UTC",
    ]

    /// `UTC+2` and `GMT+02:00` as the database writes them, with the sign the other way round.
    private static func offsetName(_ text: String) -> String? {
        let bytes = NearNames.folded(text).filter { $0 != UInt8(ascii: " ") }
        let prefixes = ["utc", "gmt", "etc/gmt", "etc/utc", ""].map { Array($0.utf8) }
        guard let prefix = prefixes.first(where: { bytes.starts(with: $0) }) else { return nil }
        var rest = bytes.dropFirst(prefix.count)
        guard let sign = rest.popFirst(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let hours = rest.prefix { $0.digit != nil }
        let minutes = rest.dropFirst(hours.count)
        guard (1...2).contains(hours.count), minutes.isEmpty || minutes.elementsEqual(":00".utf8) else { return nil }
        let value = hours.reduce(0) { $0 * 10 + ($1.digit ?? 0) }
        guard value > 0 else { return "UTC" }
        return "Etc/GMT\(sign == UInt8(ascii: "+") ? "-" : "+")\(value)"
    }
}
