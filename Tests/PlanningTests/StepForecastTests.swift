import Costs
import Settings
import TestSupport
import Testing

@testable import Planning

@Suite struct StepForecastTests {
    private func shape(
        data: Int = 1, tensor: Int = 1, threads: Int = 1, perNode: Int? = nil, references: [RunShape.Reference] = []
    ) -> RunShape {
        RunShape(
            policy: smallModel, references: references, layout: ParallelLayout(data: data, tensor: tensor),
            ranksPerNode: perNode ?? data * tensor, threads: threads, keepsLogits: true)
    }

    @Test("with one rate for all products, a step takes its operations over that rate and the threads")
    func productsAlone() {
        let operations = 3 * ProductCounter(smallModel).forward(texts).operations
        for threads in 1...2 {
            let seconds = StepForecast(shape(threads: threads), rates: flatRates()).seconds([[texts]])
            #expect(abs(seconds.total - operations / 1e9 / Double(threads)) < 1e-9 * seconds.total)
        }
    }

    @Test("a frozen reference adds its forward, and nothing once it is cached")
    func references() {
        let reference = RunShape.Reference(
            name: "r", model: smallModel, storedByteCount: 4 * smallModel.parameterCount, isCached: true)
        let forecast = StepForecast(shape(references: [reference]), rates: flatRates())
        let forward = ProductCounter(smallModel).forward(texts).operations / 1e9
        #expect(abs(forecast.seconds([[texts]])[.reference] - forward) < 1e-9)
        #expect(forecast.seconds([[texts]], isCached: true)[.reference] == 0)
    }

    @Test("the slowest data rank sets the pace, and the others' waiting is communication")
    func unevenDeal() {
        let forecast = StepForecast(shape(data: 2), rates: flatRates(bytesPerSecond: 1e30))
        let even = forecast.seconds([[texts], [texts]])
        let uneven = forecast.seconds([[texts, texts], []])
        #expect(abs(uneven.total - 2 * even.total) < 1e-3 * even.total)
        #expect(abs(uneven[.communication] - even.total) < 1e-3 * even.total)
    }

    @Test("more threads than cores share them")
    func oversubscription() {
        let alone = StepForecast(shape(threads: 2), rates: flatRates(cores: 2)).seconds([[texts]])
        let crowded = StepForecast(shape(threads: 2), rates: flatRates(cores: 1)).seconds([[texts]])
        #expect(abs(crowded.total - 2 * alone.total) < 1e-9)
    }

    @Test("gradients over a network take what 2(n − 1)/n of their bytes do, and the network's delay a bucket")
    func network() {
        let rates = flatRates()
        // One bucket of 4 MiB over 4 nodes: 2 · 2 messages of 1 ms, and 1.5 · 4 MiB at 1 MB/s.
        let bytes = Double(4 << 20)
        #expect(abs(rates.gradientSeconds(bytes: bytes, ranks: 4, nodes: 4) - (4e-3 + 1.5 * bytes / 1e6)) < 1e-9)
        // Two ranks of a node share its way out.
        #expect(
            abs(rates.gradientSeconds(bytes: bytes, ranks: 4, nodes: 4, sharers: 2) - (4e-3 + 3 * bytes / 1e6)) < 1e-9)
        #expect(rates.gradientSeconds(bytes: bytes, ranks: 1, nodes: 1) == 0)
    }

    @Test("between measured sizes a sum's time is in proportion of the logarithms; beyond them of the bytes")
    func reductions() {
        let rates = flatRates(
            reductions: [
                .init(bytes: 100, sumSeconds: 1e-3, bucketSeconds: 1), .init(bytes: 10_000, sumSeconds: 1e-1, bucketSeconds: 1),
            ], ranks: 2)
        #expect(abs(rates.sumSeconds(bytes: 1000, ranks: 2, nodes: 1) - 1e-2) < 1e-12)
        #expect(abs(rates.sumSeconds(bytes: 20_000, ranks: 2, nodes: 1) - 2e-1) < 1e-12)
        // Four ranks send 2 · 3/4 of the bytes each, two ranks 2 · 1/2.
        #expect(abs(rates.sumSeconds(bytes: 1000, ranks: 4, nodes: 1) - 1.5e-2) < 1e-12)
    }

    @Test("a product's rate is one core's where it is alone, and each core's where all work")
    func rates() {
        var rates = flatRates(cores: 4)
        for index in rates.products.indices { rates.products[index].eachCore = 5e8 }
        func rate(_ busy: Int) -> Double {
            rates.productRate(.forward, m: 100, n: 100, k: 100, Occupation(busy: busy, cores: 4))
        }
        #expect(abs(rate(1) - 1e9) < 1 && abs(rate(4) - 5e8) < 1 && abs(rate(8) - 2.5e8) < 1)
        #expect(rate(2) < rate(1) && rate(2) > rate(4))
    }
}
