import Foundation
import TestSupport

/// A folder in which nothing may be changed, by root neither.
struct LockedFolder {
    private let path: String

    init(_ path: String) { self.path = path }

    /// The shell command that locks it.
    var lock: String { "chattr +i '\(path)'" }

    func unlock() throws { _ = try runCommand(["chattr", "-i", path]) }

    static let isPossible: Bool = {
        let folder = TemporaryFolder()
        defer { _ = try? runCommand(["chattr", "-i", folder.path]) }
        return (try? runCommand(["chattr", "+i", folder.path]))?.exitCode == 0
    }()
}

/// A control group whose memory can be used up: the kernel then ends one of its processes. It goes with the value.
final class LimitedMemory {
    private let path: String

    init() throws {
        path = "/sys/fs/cgroup/memory/tandem-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Data("0".utf8).write(to: URL(fileURLWithPath: path + "/memory.swappiness"))
    }

    deinit { rmdir(path) }

    /// The shell command by which a shell, and what takes its place, joins the group.
    var enter: String { "echo $$ > \(path)/cgroup.procs" }

    /// The shell command that limits the group to what it uses and `rest` bytes more, and lets another process ask for ten
    /// times as much.
    func use(allBut rest: Int) -> String {
        """
        echo $(($(cat \(path)/memory.usage_in_bytes) + \(rest))) > \(path)/memory.limit_in_bytes
        sh -c '\(enter); head -c \(10 * rest) /dev/zero | tail -n 1 > /dev/null'
        """
    }

    /// Where the system has groups of the first version, and this process may make some.
    static let isPossible = (try? LimitedMemory()) != nil
}
