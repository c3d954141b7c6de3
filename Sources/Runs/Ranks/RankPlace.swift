import Collectives
import Foundation
import JSON
import Settings

/// The place where a rank computes: its host, the processors that it may use, and its threads.
public struct RankPlace: Equatable, Sendable {
    public let host: String
    /// Processors as numbered by the system.
    public let processors: [Int]
    /// One of these processors for each physical core.
    public let cores: [Int]
    /// Physical cores that the launcher on this node may use and from which it chose the rank's; nil if unknown.
    public let coresOfLauncher: Int?
    public let threads: Int

    public init(host: String, processors: [Int], cores: [Int], coresOfLauncher: Int?, threads: Int) {
        self.host = host
        self.processors = processors
        self.cores = cores
        self.coresOfLauncher = coresOfLauncher
        self.threads = threads
    }

    /// The places of all ranks. Collective over `mesh`.
    public static func gather(threads: Int, mesh: Mesh) throws -> [RankPlace] {
        let own = RankPlace(
            host: MPIEnvironment.hostName, processors: availableCores(), cores: physicalCores(availableCores()),
            coresOfLauncher: processorsOfLauncher().map { physicalCores($0).count }, threads: threads)
        return try mesh.world.allGather(own)
    }

    // MARK: In words

    /// A line for each host: "host        host1, rank 0: 4 threads on cores 0-3; ...". Hosts beyond the eighth are only
    /// counted.
    public static func summary(_ places: [RankPlace]) -> [String] {
        let hosts = byHost(places)
        let shown = hosts.prefix(8).map { host, ranks in
            let words = ranks.map { rank in
                let place = places[rank]
                return
                    "rank \(rank): \(counted(place.threads, "thread")) on \(place.processors.count == 1 ? "core" : "cores") \(ranges(place.processors))"
            }
            return "host        \(host), " + words.joined(separator: "; ")
        }
        return shown + (hosts.count > 8 ? ["hosts       and \(hosts.count - 8) more"] : [])
    }

    /// Notes on threads that do not fit the cores: one sentence with its remedy for each kind of mistake.
    public static func notes(_ places: [RankPlace]) -> [String] {
        var crowded: [(host: String, threads: Int, cores: Int, ranks: Int, isBinding: Bool)] = []
        var idle: [(host: String, used: Int, cores: Int, ranks: Int)] = []
        for (host, ranks) in byHost(places) {
            let here = ranks.map { places[$0] }
            let cores = Set(here.flatMap(\.cores))
            let threads = here.reduce(0) { $0 + $1.threads }
            let given = max(here.compactMap(\.coresOfLauncher).max() ?? 0, cores.count)
            // The host may have enough cores while the ranks are bound to too few of them.
            if threads > cores.count {
                crowded.append((host, threads, cores.count, ranks.count, threads <= given))
            } else if let rank = here.first(where: { $0.threads > $0.cores.count }) {
                crowded.append((host, rank.threads, rank.cores.count, 1, true))
            } else if cores.count < given {
                idle.append((host, cores.count, given, ranks.count))
            }
        }
        var notes: [String] = []
        if let first = crowded.first {
            let fitting = first.cores / first.ranks
            let remedy =
                first.isBinding
                ? "Start with mpirun --map-by slot:PE=\(places[0].threads) --bind-to core, or through ./launch/local."
                : fitting > 0 ? "Use \(counted(fitting, "thread")) a rank." : "Start at most \(counted(first.cores, "rank")) there."
            notes.append(
                "\(first.threads) threads share \(counted(first.cores, "core")) on \(HostList(crowded.map(\.host))). "
                    + remedy)
        }
        if let first = idle.first {
            notes.append(
                "\(counted(first.ranks, "rank")) may use \(first.used) of the \(first.cores) cores of \(HostList(idle.map(\.host))). "
                    + "Start with mpirun --map-by slot:PE=\(max(1, first.cores / first.ranks)) --bind-to core, or through ./launch/local.")
        }
        return notes
    }

    /// Hosts in the order of their first ranks, with their ranks.
    private static func byHost(_ places: [RankPlace]) -> [(host: String, ranks: [Int])] {
        let groups = Dictionary(grouping: places.indices) { places[$0].host }
        return groups.map { ($0.key, $0.value) }.sorted { $0.1[0] < $1.1[0] }
    }

    private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// "0-3, 8": ascending numbers, with runs shown as ranges.
    private static func ranges(_ numbers: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}

extension RankPlace: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "host": host, "processors": processors, "cores": cores, "cores_of_launcher": coresOfLauncher,
            "threads": threads,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        host = try fields["host"]
        processors = try fields["processors"]
        cores = try fields["cores"]
        coresOfLauncher = try fields["cores_of_launcher"]
        threads = try fields["threads"]
    }
}
