import Settings
import Testing

@testable import Runs

@Suite("Facts that ranks must share")
struct SharedFactTests {
    private static func facts(program: String = "one", settings: String = "run:\n  seed: 1", file: String? = "a") -> [SharedFact] {
        [
            SharedFact("program", program, remedy: "Install.", exitCode: .configuration),
            SharedFact("settings", settings, remedy: "Equalise.", exitCode: .configuration),
        ] + (file.map { [SharedFact("file", $0, remedy: "Copy.", exitCode: .damagedData)] } ?? [])
    }

    private static let hosts = ["host1", "host1", "host2", "host2", "host3", "host3"]

    /// The failure where ranks `odd` have other facts than the rest.
    private static func difference(_ odd: [Int], _ other: [SharedFact], hosts: [String] = hosts) -> Failure? {
        SharedFact.difference(hosts.indices.map { odd.contains($0) ? other : facts() }, hosts: hosts)
    }

    @Test("alike ranks have no difference")
    func alike() { #expect(Self.difference([], []) == nil) }

    @Test("the hosts where a value differs from most are named, not those of most, even where the first is odd")
    func majority() {
        let failure = Self.difference([0, 1], Self.facts(program: "two"))
        #expect(failure == .configuration("host1", "two, but one on host2", remedy: "Install."))
        #expect(Self.difference([2, 3, 4, 5], Self.facts(program: "two"))?.place == "host1")
        #expect(Self.difference([2, 3, 4], Self.facts(program: "two"))?.place == "host2 and host3")
    }

    @Test("the first fact in the ranks' order is told where several differ")
    func order() {
        let failure = Self.difference([4, 5], Self.facts(settings: "run:\n  seed: 2", file: "b"))
        #expect(failure?.reason == "'run.seed: 2', but 'run.seed: 1' on host1")
    }

    @Test("of long texts the first line that differs is told, under its keys; a line too many as well")
    func lines() {
        let before = "run:\n  seed: 1\n  deep:\n    key: 1"
        let longer = Self.facts(settings: before)
        let other = Self.facts(settings: before.replacing("key: 1", with: "key: 2"))
        let reason = SharedFact.difference([longer, other], hosts: ["host1", "host2"])?.reason
        #expect(reason == "'run.deep.key: 2', but 'run.deep.key: 1' on host1")
        let missing = SharedFact.difference([longer, Self.facts()], hosts: ["host1", "host2"])?.reason
        #expect(missing == "nothing, but 'run.deep:' on host1")
    }

    @Test("a fact that some ranks lack is a difference")
    func lacking() {
        let failure = Self.difference([2, 3], Self.facts(file: nil))
        #expect(failure == .damaged("host2", "nothing, but a on host1", remedy: "Copy."))
    }

    @Test("on one host ranks are named")
    func oneHost() {
        let failure = Self.difference([1], Self.facts(file: "b"), hosts: ["host1", "host1", "host1"])
        #expect(failure?.place == "rank 1" && failure?.reason == "b, but a on rank 0")
    }
}
