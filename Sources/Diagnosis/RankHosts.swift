import Foundation
import Settings

/// The host names of all ranks; before they are known, this process's own host stands for each.
struct RankHosts: Sendable {
    var names: [String] = []
    let own = ProcessInfo.processInfo.hostName

    subscript(rank: Int) -> String { names.indices.contains(rank) ? names[rank] : own }
}
