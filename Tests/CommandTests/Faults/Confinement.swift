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
