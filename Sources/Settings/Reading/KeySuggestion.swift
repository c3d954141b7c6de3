/// Suggests the intended key for a misspelt or misplaced one.
enum KeySuggestion {
    /// A sentence that names the nearest of `keys`; or else an inner mapping or another section that has the key; or else all
    /// of `keys`.
    ///
    /// - Parameter path: the key path of the mapping that has the key.
    static func remedy(for key: String, among keys: [String], in path: String) -> String {
        if let near = nearest(to: key, among: keys) { return "Did you mean \(near)?" }
        let section = path.split(separator: ".").first.map(String.init) ?? ""
        if let inner = RunConfiguration.nestedKeys.first(where: {
            $0.section == section && keys.contains($0.key) && $0.keys.contains(key)
        }) {
            return "Did you mean \(path).\(inner.key).\(key)?"
        }
        if let home = RunConfiguration.sectionKeys.first(where: { $0.keys.contains(key) && $0.section != section }) {
            return "Did you mean \(home.section).\(key)?"
        }
        return keys.isEmpty ? "Remove it." : "Its keys are \(keys.joined(separator: ", "))."
    }

    /// The longest key that is compared, in bytes.
    private static let longestSlip = 64

    /// The key with the fewest slips, if they are at most a third of the letters of `key`.
    private static func nearest(to key: String, among keys: [String]) -> String? {
        // A misspelt key is short. For a text as long as the file, the table in `slips` would fill the memory.
        guard key.utf8.count <= longestSlip else { return nil }
        let distances = keys.map { (key: $0, slips: slips(Array(key.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.slips < $1.slips }) else { return nil }
        return best.slips <= max(1, key.utf8.count / 3) ? best.key : nil
    }

    /// The number of letters added, lost, changed or swapped with their neighbour (optimal string alignment distance).
    static func slips(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var table = (0...first.count).map { row in (0...second.count).map { row == 0 ? $0 : ($0 == 0 ? row : 0) } }
        for row in 1..<(first.count + 1) {
            for column in 1..<(second.count + 1) {
                let change = first[row - 1] == second[column - 1] ? 0 : 1
                var best = min(table[row - 1][column] + 1, table[row][column - 1] + 1)
                best = min(best, table[row - 1][column - 1] + change)
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    best = min(best, table[row - 2][column - 2] + 1)
                }
                table[row][column] = best
            }
        }
        return table[first.count][second.count]
    }
}
