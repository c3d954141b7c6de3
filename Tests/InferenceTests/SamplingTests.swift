import Inference
import Runs
import Tensors
import Testing

@Suite struct SamplingTests {
    private let logits = Matrix(rowCount: 1, columnCount: 4, values: [1, 3, 3, -2])

    @Test("temperature 0 takes the most probable token, the lowest of equals")
    func greedy() { #expect(SamplingOptions().choose(logits, index: 0) == 1) }

    @Test("draws follow the softmax: e³ : e³ : e¹ : e⁻² within two standard errors")
    func distribution() {
        let options = SamplingOptions(temperature: 1, seed: 3)
        var counts = [0, 0, 0, 0]
        let draws = 20_000
        for index in 0..<draws { counts[Int(options.choose(logits, index: index))] += 1 }
        // By hand: weights 2.71828, 20.0855, 20.0855, 0.135335 of 43.0246.
        for (count, share) in zip(counts, [0.06318, 0.46684, 0.46684, 0.003146]) {
            let error = (share * (1 - share) / Double(draws)).squareRoot()
            #expect(abs(Double(count) / Double(draws) - share) < 3 * error)
        }
    }

    @Test("top-p keeps the fewest tokens that reach it")
    func nucleus() {
        let options = SamplingOptions(temperature: 1, topP: 0.9, seed: 3)
        let drawn = Set((0..<2000).map { options.choose(logits, index: $0) })
        #expect(drawn == [1, 2])
        let one = SamplingOptions(temperature: 1, topP: 0.3, seed: 3)
        #expect(Set((0..<200).map { one.choose(logits, index: $0) }) == [1])
    }
}

@Suite struct ProcessorTests {
    @Test("a processor without AVX2 or FMA is refused by what it lacks")
    func refusal() throws {
        #expect(throws: Never.self) { try checkProcessor(flags: "sse avx avx2 fma") }
        do {
            try checkProcessor(flags: "sse avx fma")
            Issue.record("AVX2 is missing")
        } catch {
            #expect(error.description.contains("lacks avx2"))
            #expect(error.exitCode == .configuration)
        }
    }
}
