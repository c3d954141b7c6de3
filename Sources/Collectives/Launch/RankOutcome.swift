import Foundation
import Settings

/// The outcome of work that every rank does alone, such as opening its files before MPI starts or reading in a step.
public struct RankOutcome: Equatable, Sendable {
    public let host: String
    /// Nil after success.
    public let failure: Failure?

    public init(host: String, failure: Failure?) {
        self.host = host
        self.failure = failure
    }

    /// The failure with which all ranks end: the one of the lowest failed rank. Nil if no rank failed.
    ///
    /// With several hosts, if only some ranks met the failure, the line begins with the names of their hosts: there the
    /// user must mend it.
    ///
    /// - Parameter outcomes: ordered by rank.
    public static func verdict(_ outcomes: [RankOutcome]) -> Failure? {
        guard let first = outcomes.lazy.compactMap(\.failure).first else { return nil }
        // Numbers in the reason may differ between ranks, so failures with the same place count as the same mistake.
        let alike = outcomes.filter { $0.failure?.place == first.place && $0.failure?.exitCode == first.exitCode }
        guard alike.count < outcomes.count, Set(outcomes.map(\.host)).count > 1 else { return first }
        let place = "\(HostList(alike.map(\.host))): \(first.place)"
        return Failure(place, first.reason, remedy: first.remedy, exitCode: first.exitCode)
    }

    /// Shares this rank's failure `own` with all ranks and returns the verdict. Collective over `world`.
    ///
    /// - Parameter hosts: of all ranks.
    static func firstFailure(
        _ own: Failure?, over world: any ProcessGroup, hosts: [String]
    ) throws(CollectiveError) -> Failure? {
        let messages = try world.allGather(own.map(bytes) ?? [])
        return verdict(zip(hosts, messages).map { RankOutcome(host: $0, failure: failure($1)) })
    }

    /// The first collective operation of a job. Ranks whose preparation failed come here to report it, and the others stop
    /// with them. Throws the verdict as an `AgreedFailure`. Collective over `world`.
    public static func agreeOnPreparation(_ own: Failure?, over world: any ProcessGroup) throws {
        let hosts = try world.gatherHosts()
        if let failure = try firstFailure(own, over: world, hosts: hosts) { throw AgreedFailure(failure) }
    }

    private static let separator = "\u{1F}"

    private static func bytes(_ failure: Failure) -> [UInt8] {
        let fields = [String(failure.exitCode.rawValue), failure.place, failure.reason, failure.remedy]
        return Array(fields.joined(separator: separator).utf8)
    }

    private static func failure(_ bytes: [UInt8]) -> Failure? {
        guard !bytes.isEmpty else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).components(separatedBy: separator)
        return Failure(
            fields[1], fields[2], remedy: fields[3], exitCode: Int32(fields[0]).flatMap(ExitCode.init) ?? .internal)
    }
}

extension ProcessGroup {
    /// The host name of each rank. Collective.
    public func gatherHosts() throws(CollectiveError) -> [String] {
        try allGather(Array(MPIEnvironment.hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
}
