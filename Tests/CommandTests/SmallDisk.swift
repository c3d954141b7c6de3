import Foundation
import TestSupport

/// A disk of a few kilobytes, mounted in a workspace as `disk`. It goes with the value.
final class SmallDisk {
    let workspace: Workspace

    /// - Parameter files: how many it has a place for, folders and itself included; nil: as many as fit.
    init(kilobytes: Int, files: Int? = nil, in workspace: Workspace) throws {
        self.workspace = workspace
        try workspace.makeFolder("disk")
        let options = "size=\(kilobytes)k" + (files.map { ",nr_inodes=\($0)" } ?? "")
        let result = try runCommand(["mount", "-t", "tmpfs", "-o", options, "tandem-test", workspace.file("disk")])
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
    }

    deinit { _ = try? runCommand(["umount", "--lazy", workspace.file("disk")]) }

    /// Everything on it, with its bytes.
    func content() throws -> [String: Data] { try workspace.snapshot(below: "disk") }

    /// Only root may mount, and not in every container.
    static let canBeMounted: Bool = {
        guard let workspace = try? Workspace() else { return false }
        return (try? SmallDisk(kilobytes: 4, in: workspace)) != nil
    }()
}
