import Collectives
import Foundation
import Hashing
import JSON
import Settings

/// A fact that must be the same on all ranks: the program, the settings, the files. Otherwise the ranks would silently
/// compute different things. Compared right after MPI starts, before weights are read.
public struct SharedFact: Hashable, Sendable {
    /// The subject of the fact, the same on all ranks.
    let subject: String
    /// The compared value, readable for a user. If it has several lines, the first difference is reported.
    let value: String
    let remedy: String
    private let code: Int32

    public init(_ subject: String, _ value: String, remedy: String, exitCode: ExitCode) {
        self.subject = subject
        self.value = value
        self.remedy = remedy
        code = exitCode.rawValue
    }

    var exitCode: ExitCode { ExitCode(rawValue: code) ?? .internal }

    /// Compares the facts of all ranks. If one differs from the majority, throws an `AgreedFailure` that names the hosts.
    /// Collective over `world`.
    public static func compare(_ facts: [SharedFact], over world: any ProcessGroup) throws {
        // Ranks exchange digests first, and the facts themselves only if the digests differ.
        let hashes = try world.allGather(Array(SHA256.digits(of: Array(facts.json.compact.utf8)).utf8))
        guard hashes.contains(where: { $0 != hashes[0] }) else { return }
        let hosts = try world.gatherHosts()
        let all = try world.allGather(facts)
        if let failure = difference(all, hosts: hosts) { throw AgreedFailure(failure) }
    }

    /// The first fact that differs between ranks; nil if none does.
    ///
    /// - Parameters:
    ///   - facts: for each rank, in the order of reporting.
    ///   - hosts: for each rank.
    static func difference(_ facts: [[SharedFact]], hosts: [String]) -> Failure? {
        var seen: Set<String> = []
        for subject in facts.flatMap({ $0 }).map(\.subject) where seen.insert(subject).inserted {
            let held = facts.map { $0.first { $0.subject == subject } }
            // The value of most ranks counts as right. Among equal counts the lowest rank's value does.
            let counts = Dictionary(held.map { ($0, 1) }, uniquingKeysWith: +)
            let usual = held.max { counts[$0]! < counts[$1]! }!
            let usualRank = held.firstIndex(of: usual)!
            guard let oddRank = held.firstIndex(where: { $0 != usual }), let fact = usual ?? held[oddRank] else { continue }
            let odd = held[oddRank]
            let oddHosts = held.indices.filter { held[$0] == odd }.map { hosts[$0] }
            let isOneHost = oddHosts.contains(hosts[usualRank])
            let words = words(odd?.value, unlike: usual?.value)
            return Failure(
                isOneHost ? "rank \(oddRank)" : "\(HostList(oddHosts))",
                "\(words.odd), but \(words.usual) on \(isOneHost ? "rank \(usualRank)" : hosts[usualRank])",
                remedy: fact.remedy, exitCode: fact.exitCode)
        }
        return nil
    }

    /// Both values for the message: completely if they have one line, else the first different line with the keys above it.
    private static func words(_ odd: String?, unlike usual: String?) -> (odd: String, usual: String) {
        let (oddLines, usualLines) = (lines(odd), lines(usual))
        guard max(oddLines.count, usualLines.count) > 1 else { return (odd ?? "nothing", usual ?? "nothing") }
        let place = zip(oddLines, usualLines).enumerated().first { $1.0 != $1.1 }?.offset ?? min(oddLines.count, usualLines.count)
        return (line(place, of: oddLines), line(place, of: usualLines))
    }

    private static func lines(_ text: String?) -> [Substring] { text?.split(separator: "\n") ?? [] }

    private static func line(_ index: Int, of lines: [Substring]) -> String {
        guard index < lines.count else { return "nothing" }
        func indentation(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }
        var words = [lines[index].trimmingPrefix { $0 == " " }]
        var limit = indentation(lines[index])
        for line in lines[..<index].reversed() where indentation(line) < limit {
            limit = indentation(line)
            let key = line.trimmingPrefix { $0 == " " }
            words.insert(key.hasSuffix(":") ? key.dropLast() : key, at: 0)
        }
        return "'" + words.joined(separator: ".") + "'"
    }
}

extension SharedFact: JSONRepresentable {
    public var json: JSONValue { .fields(["subject": subject, "value": value, "remedy": remedy, "code": code]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        subject = try fields["subject"]
        value = try fields["value"]
        remedy = try fields["remedy"]
        code = try fields["code"]
    }
}
