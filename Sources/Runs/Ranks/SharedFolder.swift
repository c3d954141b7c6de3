import Collectives
import Files
import Foundation
import Settings
import Stepping

/// A folder that all ranks must share, because each writes its part of a checkpoint into it.
package enum SharedFolder {
    /// Refuses a folder that is a different one for some ranks: on their hosts' own disks, or because they started
    /// elsewhere. The first rank writes a file with a unique name there; the others look for it, then it is removed.
    /// Collective over `mesh`.
    ///
    /// - Parameters:
    ///   - path: exists on the first rank.
    ///   - key: the setting that names the folder.
    /// - Throws: an `AgreedFailure`: configuration if a rank does not see the file, input/output if it can't be written.
    package static func check(_ path: String, key: String, mesh: Mesh) throws {
        guard mesh.world.size > 1 else { return }
        let own = mesh.isFirst ? ".shared-\(UUID().uuidString.lowercased())" : ""
        let name = String(decoding: try mesh.world.allGather(Array(own.utf8))[0], as: UTF8.self)
        let file = "\(path)/\(name)"
        try mesh.agreed { if mesh.isFirst { try write(file) } }
        let isSeen = mesh.isFirst || sees(file)
        let all = try mesh.world.allGather([isSeen ? 1 : 0]).map { $0 == [1] }
        if mesh.isFirst { unlink(file) }
        guard let blind = all.firstIndex(of: false) else { return }
        let hosts = all.indices.filter { !all[$0] }.map { mesh.hosts[$0] }
        let isOneHost = hosts.contains(mesh.hosts[0])
        throw AgreedFailure(
            .configuration(
                isOneHost ? "rank \(blind)" : "\(HostList(hosts))",
                "\(key) = \(path) is another folder there than on \(isOneHost ? "rank 0" : mesh.hosts[0])",
                remedy: isOneHost
                    ? "Start all ranks in one folder, or give an absolute path." : "Keep it on a file system that all hosts share, under one path."))
    }

    private static func write(_ file: String) throws(Failure) {
        let text = "the first rank, process \(getpid()) on \(MPIEnvironment.hostName)\n"
        let writer = try FileWriter(path: file, bufferByteCount: 1024)
        try writer.write(text.utf8)
        try writer.finish()
    }

    /// Waits for the file with repeated looks: a network file system may remember for a minute that it did not exist.
    private static func sees(_ file: String) -> Bool {
        let deadline = Stopwatch.now + (isOnOwnDisk(file) ? 2 : 75)
        var pause = 0.02
        while access(file, F_OK) != 0 {
            guard Stopwatch.now < deadline else { return false }
            Thread.sleep(forTimeInterval: pause)
            pause = min(1, 2 * pause)
            // Reading a folder makes NFS ask its server what is in it.
            var folder = URL(fileURLWithPath: file).deletingLastPathComponent()
            for _ in 0..<3 {
                _ = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
                folder.deleteLastPathComponent()
            }
        }
        return true
    }

    /// Whether the folder of `file`, or its nearest existing parent, is on a file system that no other host can write to.
    private static func isOnOwnDisk(_ file: String) -> Bool {
        var folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        var status = stat()
        while stat(folder.path, &status) != 0 {
            guard folder.path != "/" else { return false }
            folder.deleteLastPathComponent()
        }
        // Splits a device number like the kernel's gnu_dev_major and gnu_dev_minor.
        let (major, minor) = (status.st_dev >> 8 & 0xFFF, status.st_dev & 0xFF | status.st_dev >> 12 & 0xFFF00)
        guard let table = SystemFile.text("/proc/self/mountinfo") else { return false }
        let line = table.split(separator: "\n").first { $0.split(separator: " ").dropFirst(2).first == "\(major):\(minor)" }
        // The type follows a single hyphen.
        let type = line?.components(separatedBy: " - ").last?.split(separator: " ").first.map(String.init)
        return ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "ramfs", "overlay", "zfs"].contains(type)
    }
}
