import Collectives
import Foundation

/// The processors that this process could use at the first call. Later its threads may be bound to single processors.
public func availableCores() -> [Int] { processorsAtStart }

private let processorsAtStart = allowedProcessors(ofProcess: "self") ?? [0]

/// The processors that the launcher on this node (mpirun, or its daemon) may use, from which each rank got its own. Nil if
/// no such process is the parent, or under a batch system, whose launcher may see more than the job was given.
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

/// The first of `processors` on each physical core. Processors of one core share its arithmetic units, so two threads on
/// them are no faster than one.
///
/// - Parameter root: prefix of `/sys`; tests pass another folder. A processor with an unknown core counts as a core of its
///   own.
func physicalCores(_ processors: [Int], root: String = "") -> [Int] {
    var seen: Set<String> = []
    return processors.filter { processor in
        let file = "\(root)/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
        let siblings = try? String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return seen.insert(siblings ?? "\(processor)").inserted
    }
}

/// One core for each of a rank's threads, if the rank alone has exactly this number of cores; otherwise none.
public func coresToBind(threads: Int, launch: MPIEnvironment.Launch) -> [Int] {
    let cores = physicalCores(availableCores())
    return threads == cores.count && (isBound || launch.localSize == 1) ? cores : []
}

/// Default threads of a rank: its own cores if it is bound, else its part of the node's cores.
public func defaultThreadCount(_ launch: MPIEnvironment.Launch) -> Int {
    let cores = physicalCores(availableCores()).count
    return isBound ? cores : max(1, cores / launch.localSize)
}

/// Whether this process may use only some of the node's processors, because a launcher bound it.
private var isBound: Bool { availableCores().count < ProcessInfo.processInfo.processorCount }
