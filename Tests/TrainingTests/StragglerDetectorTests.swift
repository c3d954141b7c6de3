import Testing

@testable import Training

@Suite("Slow ranks") struct StragglerDetectorTests {
    /// Notices by step, of ranks with these seconds and tokens in every step.
    private func notices(_ ranks: [(seconds: Double, tokens: Double)], fixed: Double = 0, steps: Int = 8) -> [Int: String] {
        var detector = StragglerDetector(hosts: ranks.indices.map { "host\($0)" })
        var said: [Int: String] = [:]
        for step in 1...steps {
            let work = ranks.map { RankWork(seconds: $0.seconds, fixedSeconds: fixed, tokens: $0.tokens) }
            said[step] = detector.notice(work, step: step)
        }
        return said
    }

    @Test("a rank that needs twice as long is named after five steps, once, with both times")
    func slow() {
        let said = notices([(1, 100), (1.1, 100), (2.1, 100), (0.9, 100)])
        #expect(Array(said.keys) == [5])
        #expect(said[5]?.hasPrefix("rank 2 (host2) is slow: 2.1 s of work for each step, others need 1.0 s") == true)
    }

    @Test("it is named again after a hundred steps")
    func again() {
        #expect(notices([(1, 1), (2, 1)], steps: 210).keys.sorted() == [5, 105, 205])
    }

    @Test("uneven shares of tokens are no slowness")
    func uneven() {
        #expect(notices([(1, 100), (3, 300), (1, 100)]).isEmpty)
        #expect(notices([(1, 100), (3, 100), (3, 300)]).values.first?.hasPrefix("rank 1") == true)
    }

    @Test("what does not grow with tokens is not scaled by them")
    func fixed() {
        #expect(notices([(1.4, 40), (2, 100), (2, 100)], fixed: 1).isEmpty)
    }

    @Test("a rank with next to no tokens is not judged")
    func idle() {
        #expect(notices([(0.5, 0), (1, 100), (1, 100)]).isEmpty)
        #expect(notices([(1, 2), (1, 100), (1, 100)]).isEmpty)
    }

    @Test("milliseconds, and less than half, are not worth a word")
    func small() {
        #expect(notices([(0.01, 10), (0.09, 10)]).isEmpty)
        #expect(notices([(10, 10), (14.9, 10)]).isEmpty)
    }

    @Test("one good step begins the count anew")
    func interrupted() {
        var detector = StragglerDetector(hosts: ["a", "b"])
        for step in 1...20 {
            let seconds = step % 5 == 0 ? 1.0 : 3
            let work = [1, seconds].map { RankWork(seconds: $0, fixedSeconds: 0, tokens: 10) }
            #expect(detector.notice(work, step: step) == nil)
        }
    }

    @Test("the ranks' fields put side by side are what each one did")
    func gathered() {
        let work = (0..<3).map {
            RankWork(seconds: Double($0) + 0.5, fixedSeconds: 0.25, tokens: Double($0 * 10), reductionSeconds: Double($0) * 0.125)
        }
        let flat = work.flatMap { [$0.seconds, $0.fixedSeconds, $0.tokens, $0.reductionSeconds] }
        #expect(RankWork.gathered(flat) == work)
    }
}
