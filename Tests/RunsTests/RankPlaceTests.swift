import Foundation
import TestSupport
import Testing

@testable import Runs

@Suite("Threads and cores of all ranks")
struct RankPlaceTests {
    private func places(_ ranks: (host: String, cores: ClosedRange<Int>, threads: Int)..., given: Int? = nil) -> [RankPlace] {
        ranks.map {
            RankPlace(host: $0.host, processors: Array($0.cores), cores: Array($0.cores), coresOfLauncher: given, threads: $0.threads)
        }
    }

    @Test("ranks that have their cores are shown and not remarked on")
    func fitting() {
        let places = places(("a", 0...3, 4), ("a", 4...7, 4), ("b", 0...3, 4), ("b", 4...7, 4), given: 8)
        #expect(RankPlace.notes(places).isEmpty)
        #expect(
            RankPlace.summary(places) == [
                "host        a, rank 0: 4 threads on cores 0-3; rank 1: 4 threads on cores 4-7",
                "host        b, rank 2: 4 threads on cores 0-3; rank 3: 4 threads on cores 4-7",
            ])
    }

    @Test("a later host's crowded cores are remarked on, with what fits there")
    func crowdedElsewhere() {
        let places = places(("a", 0...7, 4), ("a", 0...7, 4), ("b", 0...3, 4), ("b", 0...3, 4))
        #expect(RankPlace.notes(places) == ["8 threads share 4 cores on b. Use 2 threads a rank."])
    }

    @Test("more ranks than cores can't be mended by threads")
    func moreRanks() {
        let places = places(("a", 0...1, 1), ("a", 0...1, 1), ("a", 0...1, 1))
        #expect(RankPlace.notes(places) == ["3 threads share 2 cores on a. Start at most 2 ranks there."])
    }

    @Test("ranks bound to fewer cores than threads, where the node has more, are a matter of binding")
    func boundTooTight() {
        let places = places(("a", 0...0, 4), ("a", 1...1, 4), given: 8)
        #expect(RankPlace.notes(places).count == 1)
        #expect(RankPlace.notes(places)[0].hasPrefix("8 threads share 2 cores on a. Start with mpirun --map-by slot:PE=4 --bind-to core"))
    }

    @Test("one rank that is bound too tight is seen beside one with room to spare")
    func unevenBinding() {
        let places = places(("a", 0...5, 2), ("a", 6...6, 2), given: 8)
        #expect(RankPlace.notes(places).first?.hasPrefix("2 threads share 1 core on a. Start with mpirun") == true)
    }

    @Test("cores that no rank may use are remarked on, for all such hosts at once")
    func idle() {
        let places = places(("a", 0...0, 1), ("a", 1...1, 1), ("b", 0...0, 1), ("b", 1...1, 1), given: 16)
        let notes = RankPlace.notes(places)
        #expect(notes.count == 1)
        #expect(notes[0].hasPrefix("2 ranks may use 2 of the 16 cores of a and b. Start with mpirun --map-by slot:PE=8 --bind-to core"))
    }

    @Test("hosts beyond the eighth are counted only")
    func manyHosts() {
        let places = (1...10).map { RankPlace(host: "n\($0)", processors: [0], cores: [0], coresOfLauncher: nil, threads: 1) }
        #expect(RankPlace.summary(places).count == 9)
        #expect(RankPlace.summary(places).last == "hosts       and 2 more")
    }

    @Test("two processors of one physical core count once; one that says nothing counts")
    func siblings() throws {
        let folder = TemporaryFolder()
        for (processor, siblings) in [(0, "0,4"), (4, "0,4"), (1, "1,5"), (5, "1,5")] {
            let place = folder.file("sys/devices/system/cpu/cpu\(processor)/topology")
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try Data((siblings + "\n").utf8).write(to: URL(fileURLWithPath: place + "/thread_siblings_list"))
        }
        #expect(physicalCores([0, 1, 4, 5, 6], root: folder.path) == [0, 1, 6])
        #expect(physicalCores([4, 5], root: folder.path) == [4, 5])
    }
}
