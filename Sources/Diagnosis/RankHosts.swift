import Foundation
import Settings

/// The names of all ranks' hosts, as far as they are known.
struct RankHosts: Sendable {
    var names: [String] = []
    let own = ProcessInfo.processInfo.hostName

    subscript(rank: Int) -> String { names.indices.contains(rank) ? names[rank] : own }
}
