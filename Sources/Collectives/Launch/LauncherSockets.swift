import Foundation
import Settings
import Tensors

/// The launcher's TCP connections on this host, as the system lists them.
struct LauncherSockets {
    private struct Socket {
        let localPort: Int
        let remotePort: Int
        let isListening: Bool
        let isConnected: Bool
        let inode: Substring
    }

    private let root: String

    init(root: String) { self.root = root }

    /// Nil if the system does not tell.
    var listeningPorts: Set<Int>? { sockets.map { Set($0.filter(\.isListening).map(\.localPort)) } }

    /// The id of the nearest parent process (at any distance) that is connected to `port`; nil if there is none.
    func ancestor(connectedTo port: Int) -> String? {
        let inodes = Set((sockets ?? []).filter { $0.isConnected && $0.remotePort == port }.map { "socket:[\($0.inode)]" })
        guard !inodes.isEmpty else { return nil }
        var process = getppid()
        while process > 1 {
            let folder = "\(root)/proc/\(process)/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            if names.contains(where: { name in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")).map(inodes.contains) ?? false
            }) {
                return "\(process)"
            }
            guard let status = SystemFile.text("\(root)/proc/\(process)/status"), let parent = status.firstMatch(of: /PPid:\s*([0-9]+)/) else {
                return nil
            }
            process = Int32(parent.1) ?? 0
        }
        return nil
    }

    /// The rows of `/proc/net/tcp` and `tcp6`: see proc(5). Nil if neither can be read.
    private var sockets: [Socket]? {
        let tables = ["tcp", "tcp6"].compactMap { SystemFile.text("\(root)/proc/net/\($0)") }
        guard !tables.isEmpty else { return nil }
        return tables.flatMap { table in
            table.split(separator: "\n").dropFirst().compactMap { line -> Socket? in
                let fields = line.split(separator: " ")
                guard fields.count > 9, let local = LauncherSockets.port(fields[1]), let remote = LauncherSockets.port(fields[2]) else { return nil }
                return Socket(
                    localPort: local, remotePort: remote, isListening: fields[3] == "0A", isConnected: fields[3] == "01", inode: fields[9])
            }
        }
    }

    /// The port in an address such as "0100007F:C843".
    private static func port(_ address: Substring) -> Int? { address.split(separator: ":").last.flatMap { Int($0, radix: 16) } }
}
