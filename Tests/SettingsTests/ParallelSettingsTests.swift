import Settings
import Testing

@Suite("The layout of a job")
struct ParallelSettingsTests {
    @Test(
        "data ranks are what the tensor axis leaves",
        arguments: [(nil, 1, 1, 1), (nil, 1, 3, 3), (nil, 2, 4, 2), (nil, 3, 3, 1), (2, 2, 4, 2), (1, 2, 2, 1)]
            as [(Int?, Int, Int, Int)])
    func fits(data: Int?, tensor: Int, rankCount: Int, expected: Int) throws {
        let layout = try ParallelSettings(data: data, tensor: tensor).layout(rankCount: rankCount, file: "run.yaml")
        #expect(layout == ParallelLayout(data: expected, tensor: tensor))
        #expect(layout.rankCount == rankCount)
    }

    @Test(
        "a job that does not fit is told which would",
        arguments: [
            (nil, 2, 3, "parallel.tensor", "job's 3 ranks", "mpirun -n 2,"),
            (nil, 2, 1, "parallel.tensor", "job's 1 rank", "mpirun -n 2,"),
            (nil, 3, 8, "parallel.tensor", "job's 8 ranks", "mpirun -n 6,"),
            (2, 2, 2, "parallel.data", "takes 4, not the job's 2 ranks", "mpirun -n 4,"),
            (2, 1, 1, "parallel.data", "takes 2, not the job's 1 rank", "mpirun -n 2,"),
            (1, 1, 4, "parallel.data", "takes 1, not the job's 4 ranks", "mpirun -n 1,"),
        ] as [(Int?, Int, Int, String, String, String)])
    func doesNotFit(
        data: Int?, tensor: Int, rankCount: Int, key: String, reason: String, remedy: String
    ) throws {
        let failure = try #require(
            #expect(throws: Failure.self) {
                try ParallelSettings(data: data, tensor: tensor).layout(rankCount: rankCount, file: "run.yaml")
            })
        #expect(failure.place == "run.yaml: \(key)")
        #expect(failure.reason.contains(reason), "\(failure.reason)")
        #expect(failure.remedy.contains(remedy), "\(failure.remedy)")
        #expect(failure.exitCode == .configuration)
    }

    @Test("one data rank can't share out optimizer state, whatever its tensor ranks", arguments: [1, 2, 3])
    func zeroAlone(tensor: Int) throws {
        let settings = ParallelSettings(tensor: tensor, zero: .optimizerState)
        let failure = try #require(throws: Failure.self) {
            try settings.checkZero(in: settings.layout(rankCount: tensor, file: "run.yaml"), file: "run.yaml")
        }
        #expect(failure.place == "run.yaml: parallel.zero" && failure.exitCode == .configuration)
        #expect(failure.remedy.contains("mpirun -n \(2 * tensor)"))
        try settings.checkZero(in: settings.layout(rankCount: 2 * tensor, file: "run.yaml"), file: "run.yaml")
        try ParallelSettings(tensor: tensor).checkZero(in: ParallelLayout(data: 1, tensor: tensor), file: "run.yaml")
    }

    @Test("zero is read, written out, and off unless it is given", arguments: [("", 0), ("zero: null", 0), ("zero: 0", 0), ("zero: 1", 1)])
    func zeroIsRead(given: String, stage: Int) throws {
        let configuration = try RunConfiguration(yaml: languageModelingYAML + "\nparallel: {\(given)}", file: "run.yaml")
        #expect(configuration.parallel.zero == (stage == 0 ? .nothing : .optimizerState))
        #expect(configuration.resolvedYAML().contains("\n  zero: \(stage)\n"))
    }
}
