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

/// A control group whose processes have little memory, and are killed when they need more. It goes with the value.
final class SmallMemory {
    private let path: String

    init(bytes: Int) throws {
        let hierarchy = "/sys/fs/cgroup/memory"
        path = "\(hierarchy)/tandem-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Data("\(bytes)".utf8).write(to: URL(fileURLWithPath: path + "/memory.limit_in_bytes"))
    }

    deinit { rmdir(path) }

    /// Who writes its process into this file is in the group.
    var processes: String { path + "/cgroup.procs" }

    /// Where the system has groups of the first version, and this process may make some.
    static let isPossible = (try? SmallMemory(bytes: 1 << 20)) != nil
}
