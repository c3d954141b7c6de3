import Foundation

extension MemoryForecast {
    /// What this node, or the control group that this process is in, has to give: `MemAvailable` of `/proc/meminfo`
    /// (caches that can be dropped included, swap not), or the group's limit if that is lower.
    ///
    /// - Parameter root: where `/proc` and `/sys` are; another folder for tests.
    /// - Returns: `Int.max` where the system doesn't say.
    public static func availableByteCount(root: String = "") -> Int {
        let groups = (text("\(root)/proc/self/cgroup") ?? "").split(separator: "\n").compactMap(ControlGroup.init)
        let limits = groups.compactMap { $0.limit(root: root) }
        return ([freeByteCount(root: root)].compactMap(\.self) + limits).min() ?? Int.max
    }

    private static func freeByteCount(root: String) -> Int? {
        for line in (text("\(root)/proc/meminfo") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "MemAvailable:", words[2] == "kB" else { continue }
            return Int(words[1]).map { $0 * 1024 }
        }
        return nil
    }

    fileprivate static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}

/// A control group that may limit memory, of the first or the second version of them.
private struct ControlGroup {
    let path: String
    let isFirstVersion: Bool

    /// - Parameter line: of `/proc/self/cgroup`: number, controllers and path; version 2 names no controllers.
    init?(_ line: Substring) {
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        isFirstVersion = fields[1].split(separator: ",").contains("memory")
        guard isFirstVersion || fields[1].isEmpty else { return nil }
        path = String(fields[2])
    }

    /// The lowest limit of the group and those that it is in; nil where none is set. In a container the path may name
    /// folders that are seen outside only: what is not there is passed over.
    func limit(root: String) -> Int? {
        let base = "\(root)/sys/fs/cgroup" + (isFirstVersion ? "/memory" : "")
        let file = isFirstVersion ? "memory.limit_in_bytes" : "memory.max"
        let names = path.split(separator: "/")
        return (0...names.count).compactMap { depth in
            let folder = ([base] + names.prefix(depth).map(String.init)).joined(separator: "/")
            guard let text = MemoryForecast.text("\(folder)/\(file)") else { return nil }
            // "max" is no number. Version 1 says a number near 2⁶³ for no limit.
            return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
        }.min()
    }
}
