import Testing

@testable import Planning

@Suite struct RunDurationTests {
    @Test(
        "the suggested time limit is a quarter more and five minutes, rounded up to five minutes, and to half an hour from two hours on",
        arguments: [(0, 300), (240, 600), (1, 600), (3600, 4800), (5520, 7200), (5521, 9000), (86_400, 108_000 + 1800)] as [(Double, Double)])
    func limit(total: Double, expected: Double) {
        #expect(RunDuration(steps: 1, training: total, evaluation: 0, saving: 0).suggestedLimit == expected)
        #expect(RunDuration(steps: 1, training: 0, evaluation: total / 2, saving: total / 2).suggestedLimit == expected)
    }
}
