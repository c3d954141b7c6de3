import Foundation
import Settings

/// How a piece of work ended that every rank does alone: opening its files before MPI starts, reading in a step.
public struct RankOutcome: Equatable, Sendable {
    public let host: String
    /// Nil where it succeeded.
    public let failure: Failure?

    public init(host: String, failure: Failure?) {
        self.host = host
        self.failure = failure
    }

    /// The one failure that all ranks end with, of the lowest rank that failed; nil where none did.
    ///
    /// Where not every rank met it and there are several hosts, the line begins with those of the same mistake: that is where
    /// to go and mend it.
    ///
    /// - Parameter outcomes: by rank.
    public static func verdict(_ outcomes: [RankOutcome]) -> Failure? {
        guard let first = outcomes.lazy.compactMap(\.failure).first else { return nil }
        // Numbers in the reason may differ from rank to rank: what has the same place is the same mistake.
        let alike = outcomes.filter { $0.failure?.place == first.place && $0.failure?.exitCode == first.exitCode }
        guard alike.count < outcomes.count, Set(outcomes.map(\.host)).count > 1 else { return first }
        let place = "\(HostList(alike.map(\.host))): \(first.place)"
        return Failure(place, first.reason, remedy: first.remedy, exitCode: first.exitCode)
    }

    /// Tells all ranks how each one's work ended, `own` being this rank's; returns the verdict. Collective over `world`.
    ///
    /// - Parameter hosts: of all ranks.
    static func firstFailure(
        _ own: Failure?, over world: any ProcessGroup, hosts: [String]
    ) throws(CollectiveError) -> Failure? {
        let messages = try world.allGather(own.map(bytes) ?? [])
        return verdict(zip(hosts, messages).map { RankOutcome(host: $0, failure: failure($1)) })
    }

    /// The first thing that ranks do together: those whose preparation failed came here to say so, the others must not go on
    /// without them. Throws the verdict as an `AgreedFailure`. Collective over `world`.
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
    /// The name of each rank's host. Collective.
    public func gatherHosts() throws(CollectiveError) -> [String] {
        try allGather(Array(MPIEnvironment.hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
}
