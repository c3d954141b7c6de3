import Foundation

/// How often the kernel has killed a process because memory ran out: on this node, and in this process's control group,
/// which may have its own limit.
struct MemoryKills: Equatable, Sendable {
    let counts: [Int]

    static func now() -> MemoryKills {
        var files = ["/proc/vmstat"]
        // Control groups of version 2 have one line, "0::/path".
        if let line = lines("/proc/self/cgroup").first(where: { $0.hasPrefix("0::") }) {
            files.append("/sys/fs/cgroup\(line.dropFirst(3))/memory.events")
        }
        return MemoryKills(
            counts: files.map { file in
                lines(file).first { $0.hasPrefix("oom_kill ") }?.split(separator: " ").last.flatMap { Int($0) } ?? 0
            })
    }

    private static func lines(_ path: String) -> [String] {
        guard let file = FileHandle(forReadingAtPath: path), let bytes = try? file.readToEnd() else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func hasGrown(since earlier: MemoryKills) -> Bool { zip(counts, earlier.counts).contains { $0 > $1 } }
}
