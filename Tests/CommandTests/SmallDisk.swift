import Foundation
import TestSupport

/// A disk of a few kilobytes, mounted in a workspace as `disk`. It goes with the value.
final class SmallDisk {
    let workspace: Workspace

    init(kilobytes: Int, in workspace: Workspace) throws {
        self.workspace = workspace
        try workspace.makeFolder("disk")
        let result = try SmallDisk.mount(kilobytes: kilobytes, at: workspace.file("disk"))
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
    }

    deinit { _ = try? runCommand(["umount", "--lazy", workspace.file("disk")]) }

    private static func mount(kilobytes: Int, at path: String) throws -> ProcessResult {
        try runCommand(["mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tandem-test", path])
    }

    /// Everything on it, with its bytes.
    func content() throws -> [String: Data] { try workspace.snapshot(below: "disk") }

    /// Only root may mount, and not in every container.
    static let canBeMounted: Bool = {
        guard let workspace = try? Workspace() else { return false }
        return (try? SmallDisk(kilobytes: 4, in: workspace)) != nil
    }()
}
