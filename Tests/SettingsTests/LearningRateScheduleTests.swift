import Settings
import Testing

@Suite("The learning rate")
struct LearningRateScheduleTests {
    private func rates(
        _ decay: LearningRateDecay, warmup: Double = 0, steps: Int, peak: Double = 1
    ) -> [Double] {
        let optimizer = OptimizerSettings(learningRate: peak, warmupFraction: warmup, decay: decay)
        let schedule = LearningRateSchedule(optimizer, totalSteps: steps)
        return (1...steps).map(schedule.rate(step:))
    }

    private func expect(_ rates: [Double], _ expected: [Double]) {
        #expect(rates.count == expected.count)
        for (rate, value) in zip(rates, expected) { #expect(abs(rate - value) <= 1e-15, "\(rates)") }
    }

    @Test("constant without warm-up is the peak rate at every step")
    func constant() {
        expect(rates(.constant, steps: 3, peak: 5e-7), [5e-7, 5e-7, 5e-7])
    }

    @Test("warm-up starts at rate / w and reaches the peak at step w")
    func warmup() {
        expect(rates(.constant, warmup: 0.4, steps: 10), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1])
    }

    @Test("a part of a warm-up step counts as a whole one")
    func warmupRoundsUp() {
        expect(rates(.constant, warmup: 0.3, steps: 5), [0.5, 1, 1, 1, 1])
        expect(rates(.constant, warmup: 0.001, steps: 2), [1, 1])
    }

    @Test("warm-up may be the whole run")
    func allWarmup() {
        expect(rates(.linear, warmup: 1, steps: 4), [0.25, 0.5, 0.75, 1])
    }

    @Test("linear decay starts at the peak and would reach 0 one step after the last")
    func linear() {
        expect(rates(.linear, steps: 4), [1, 0.75, 0.5, 0.25])
        expect(rates(.linear, warmup: 0.2, steps: 10, peak: 2), [1, 2, 2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25])
    }

    @Test("cosine decay is half a wave, from the peak to 0 one step after the last")
    func cosine() {
        let root = 2.0.squareRoot()
        expect(rates(.cosine, steps: 4), [1, 0.5 + root / 4, 0.5, 0.5 - root / 4])
        expect(rates(.cosine, warmup: 0.5, steps: 4), [0.5, 1, 1, 0.5])
    }
}
