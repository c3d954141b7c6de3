extension Section {
    /// A span of time in seconds, greater than 0. It is written as a number of seconds, with units (`3h30m`, `90s`, `1d`), or
    /// in Slurm's form (`HH:MM:SS`, `D-HH:MM:SS`).
    func duration(_ key: String) throws(Failure) -> Double? {
        guard let node = self[key], !node.isNull else { return nil }
        let remedy = "Write seconds, or a time such as 3h30m, 03:30:00 or 1-12:00:00."
        guard case .scalar(let text, let isPlain) = node.content else {
            throw failure(key, "is \(node.shown), not a span of time", remedy: remedy)
        }
        if case .number = Scalar(text: text, isPlain: isPlain) { return try number(node, key, .positive) }
        guard let seconds = Duration.clock(text) ?? Duration.units(text) else {
            throw failure(key, "is \(node.shown), not a span of time", remedy: remedy)
        }
        guard seconds > 0 else { throw failure(key, "is \(text), out of range", remedy: remedy) }
        return Double(seconds)
    }
}

extension Duration {
    /// Seconds of `[D-]HH:MM:SS`.
    fileprivate static func clock(_ text: String) -> Int? {
        guard let parts = text.wholeMatch(of: /(?:([0-9]{1,4})-)?([0-9]{1,4}):([0-5][0-9]):([0-5][0-9])/) else { return nil }
        let days = parts.1.flatMap { Int($0) } ?? 0
        return ((days * 24 + Int(parts.2)!) * 60 + Int(parts.3)!) * 60 + Int(parts.4)!
    }

    /// Seconds of numbers with units. The largest unit comes first, and no unit comes twice.
    fileprivate static func units(_ text: String) -> Int? {
        let pattern = /(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?/
        guard !text.isEmpty, let parts = text.wholeMatch(of: pattern) else { return nil }
        return zip([parts.1, parts.2, parts.3, parts.4], [86_400, 3600, 60, 1])
            .reduce(0) { $0 + ($1.0.flatMap { Int($0) } ?? 0) * $1.1 }
    }
}
