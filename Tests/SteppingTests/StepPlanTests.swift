import Datasets
import TestSupport
import Testing

@testable import Stepping

@Suite struct StepPlanTests {
    @Test("each data rank's micro-batches come with the most tokens last, and every record is in one of them", arguments: [1, 2, 3])
    func largestLast(ranks: Int) throws {
        let folder = TemporaryFolder()
        let path = try makeDataset(randomPairs(count: 40, vocabulary: 100, lengths: 1...30, seed: 7), in: folder)
        let dataset = try DatasetFile(path: path)
        let packer = MicroBatchPacker(tokensPerMicroBatch: 120, prefixSharing: true)
        let plan = StepPlanner.plan(Array(0..<40), step: 1, epoch: 0, dataset: dataset, packer: packer, dataRankCount: ranks)
        #expect(plan.records.sorted() == Array(0..<40))
        for microBatches in plan.microBatches {
            let counts = microBatches.map { $0.reduce(0) { $0 + dataset.tokenCount(of: $1) } }
            #expect(counts.count > 2 && counts == counts.sorted())
        }
    }
}
