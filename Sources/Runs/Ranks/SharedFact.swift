import Collectives
import Foundation
import Hashing
import JSON
import Settings

/// Something that must be the same on all ranks, or they would compute different things without a word: the program, the
/// settings, the files. Compared right after MPI starts, before weights are read.
public struct SharedFact: Hashable, Sendable {
    /// What it is a fact of; the same on all ranks.
    let subject: String
    /// What is compared, in words for a person; of several lines the first that differs is told.
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

    /// Compares every rank's facts with those of most ranks; throws an `AgreedFailure` that names the hosts where one differs.
    /// Collective over `world`.
    public static func compare(_ facts: [SharedFact], over world: any ProcessGroup) throws {
        // A digest of each rank where all are alike; the facts themselves only where they are not.
        let hashes = try world.allGather(Array(SHA256.digits(of: Array(facts.json.compact.utf8)).utf8))
        guard hashes.contains(where: { $0 != hashes[0] }) else { return }
        let hosts = try world.gatherHosts()
        let all = try world.allGather(facts)
        if let failure = difference(all, hosts: hosts) { throw AgreedFailure(failure) }
    }

    /// The first fact that is not the same everywhere; nil where all are.
    ///
    /// - Parameters:
    ///   - facts: of each rank, in the order of what is to be told first.
    ///   - hosts: of each rank.
    static func difference(_ facts: [[SharedFact]], hosts: [String]) -> Failure? {
        var seen: Set<String> = []
        for subject in facts.flatMap({ $0 }).map(\.subject) where seen.insert(subject).inserted {
            let held = facts.map { $0.first { $0.subject == subject } }
            // What most ranks have is taken for right; of equally many, what the lowest rank has.
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

    /// Both values as they are told: whole where they are one line, else the first line that differs with the keys it is under.
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
