import Collectives
import Foundation

/// The processors that this process could run on when it was first asked: later its threads may be bound to single ones.
public func availableCores() -> [Int] { processorsAtStart }

private let processorsAtStart = allowedProcessors(ofProcess: "self") ?? [0]

/// What the launcher on this node (mpirun, or its daemon) may use itself, from which it gave each rank a share; nil where no
/// such process is this one's parent, or where a batch system's own launcher may see more than the job was given.
func processorsOfLauncher(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> [Int]? {
    guard environment["OMPI_COMM_WORLD_RANK"] != nil, environment["SLURM_JOB_ID"] == nil else { return nil }
    return allowedProcessors(ofProcess: "\(getppid())")
}

private func allowedProcessors(ofProcess name: String) -> [Int]? {
    guard let status = try? String(contentsOfFile: "/proc/\(name)/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }),
        let list = line.split(separator: ":").last
    else { return nil }
    return list.trimmingCharacters(in: .whitespaces).split(separator: ",").flatMap { part -> [Int] in
        let ends = part.split(separator: "-").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return [] }
        return Array(first...last)
    }
}

/// Of `processors` the first one of each physical core: processors of one core share its arithmetic units, so that two
/// threads on them are no faster than one.
///
/// - Parameter root: where `/sys` is; another folder for tests. A processor whose core it doesn't tell is one of its own.
func physicalCores(_ processors: [Int], root: String = "") -> [Int] {
    var seen: Set<String> = []
    return processors.filter { processor in
        let file = "\(root)/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
        let siblings = try? String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return seen.insert(siblings ?? "\(processor)").inserted
    }
}

/// A core for each of a rank's threads, where it alone has exactly these; otherwise none.
public func coresToBind(threads: Int, launch: MPIEnvironment.Launch) -> [Int] {
    let cores = physicalCores(availableCores())
    return threads == cores.count && (isBound || launch.localSize == 1) ? cores : []
}

/// Threads a rank: its own cores where it is bound, else its share of the node's.
public func defaultThreadCount(_ launch: MPIEnvironment.Launch) -> Int {
    let cores = physicalCores(availableCores()).count
    return isBound ? cores : max(1, cores / launch.localSize)
}

/// This process may use some of the node's processors only: a launcher gave it its own.
private var isBound: Bool { availableCores().count < ProcessInfo.processInfo.processorCount }
