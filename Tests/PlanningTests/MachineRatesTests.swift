import Collectives
import Foundation
import Kernels
import Settings
import TestSupport
import Testing

@testable import Planning

@Suite struct MachineRatesTests {
    private let folder = TemporaryFolder()

    @Test("what is written is read back")
    func file() throws {
        let rates = flatRates(reductions: [.init(bytes: 8, sumSeconds: 1e-6, bucketSeconds: 2e-6)], ranks: 2)
        var sound = rates
        (sound.scoreSecondsPerLogit, sound.gradientSecondsPerLogit) = (1e-10, 2e-10)
        try sound.write(folder.file("machine.json"))
        #expect(try MachineRates.read(folder.file("machine.json")) == sound)
    }

    @Test("a file that can't be one is refused in a line that says how to make another")
    func refusals() throws {
        var newer = flatRates()
        newer.version = 2
        try newer.write(folder.file("newer.json"))
        var broken = flatRates()
        broken.memoryBytesPerSecond = 0
        try broken.write(folder.file("zero.json"))
        try folder.write("{\"cores\": 2}", to: "short.json")
        for (name, code, words) in [
            ("absent.json", Int32(66), "can't be read"), ("newer.json", 65, "version 2"), ("zero.json", 65, "not above 0"),
            ("short.json", 65, "does not hold"),
        ] {
            let failure = try #require(throws: Failure.self) { try MachineRates.read(folder.file(name)) }
            #expect(failure.exitCode.rawValue == code && failure.reason.contains(words))
            #expect(failure.remedy.contains("tandem plan --measure"))
        }
    }

    @Test("a measurement keeps what an earlier one of the same machine knows")
    func keeping() {
        let earlier = flatRates(reductions: [.init(bytes: 8, sumSeconds: 1e-6, bucketSeconds: 2e-6)], ranks: 2)
        var now = flatRates()
        now.overheads = [.init(threads: 2, factor: 1.1)]
        let both = now.keeping(earlier)
        #expect(both.overheads.map(\.threads) == [1, 2] && both.reductions == earlier.reductions && both.reductionRanks == 2)
        #expect(both.overhead(threads: 2) == 1.1 && both.overhead(threads: 64) == 1.1 && both.overhead(threads: 1) == 1)
        now.cores = 64
        #expect(now.keeping(earlier) == now)
    }

    @Test("a measurement finds rates that a plan can use")
    func measurement() throws {
        prepareMatrixProducts()
        let rates = try MachineMeasurement(
            mesh: .solo(), workers: Workers(threadCount: 2), ranksOfNode: 1, isQuick: true, progress: { _ in }
        ).run()
        try rates.write(folder.file("machine.json"))
        #expect(try MachineRates.read(folder.file("machine.json")).cores == 2)
        #expect(rates.overhead(threads: 2) > 0.1 && rates.overhead(threads: 2) < 20)
        #expect(rates.reductions.isEmpty && rates.network.isAssumed)
    }
}
