import Datasets
import Objectives
import Settings

/// Draws the records of each step, deals them to the data ranks without splitting a record, and packs them into
/// micro-batches.
public struct StepPlanner {
    private let dataset: DatasetFile
    private let batch: StepBatch
    private let packer: MicroBatchPacker
    private let dataRankCount: Int
    package private(set) var sampler: Sampler
    /// Steps planned so far.
    package private(set) var step = 0
    public let totalSteps: Int

    /// - Parameter lengthLimit: see `MicroBatchPacker.lengthLimit`.
    public init(_ dataset: DatasetFile, configuration: RunConfiguration, dataRankCount: Int, lengthLimit: Int?) {
        self.dataset = dataset
        self.dataRankCount = dataRankCount
        batch = configuration.schedule.batch!
        packer = MicroBatchPacker(
            tokensPerMicroBatch: configuration.schedule.tokensPerMicroBatch,
            prefixSharing: configuration.schedule.prefixSharing, lengthLimit: lengthLimit)
        sampler = Sampler(
            recordCount: dataset.recordCount, shuffle: configuration.data.shuffle, seed: configuration.run.seed)
        switch configuration.schedule.length {
        case .steps(let count): totalSteps = count
        case .epochs(let count):
            totalSteps = StepPlanner.steps(epochs: count, batch: batch, sampler: sampler, dataset: dataset)
        }
    }

    private static func steps(epochs: Int, batch: StepBatch, sampler: Sampler, dataset: DatasetFile) -> Int {
        switch batch {
        case .pairs(let count): epochs * sampler.stepsPerEpoch(count)
        case .tokens(let count):
            (0..<epochs).reduce(0) {
                $0 + sampler.stepsPerEpoch(tokens: count, epoch: $1) { dataset.tokenCount(of: $0) }
            }
        }
    }

    /// Number of steps until every record was seen once. The last of these steps may begin the second epoch.
    public var stepsOfFirstEpoch: Int { StepPlanner.steps(epochs: 1, batch: batch, sampler: sampler, dataset: dataset) }

    /// Continues after `step`, with the sampler's state at that time.
    package mutating func restore(step: Int, epoch: Int, position: Int) {
        self.step = step
        sampler.restore(epoch: epoch, position: position)
    }

    /// The next step; nil after the last.
    public mutating func next() -> StepPlan? {
        guard step < totalSteps else { return nil }
        step += 1
        let dataset = dataset
        let records =
            switch batch {
            case .pairs(let count): sampler.next(count)
            case .tokens(let count): sampler.next(tokens: count) { dataset.tokenCount(of: $0) }
            }
        return StepPlanner.plan(
            records, step: step, epoch: sampler.epochsDone, dataset: dataset, packer: packer, dataRankCount: dataRankCount)
    }

    /// Deals and packs `records` into a plan.
    package static func plan(
        _ records: [Int], step: Int, epoch: Double, dataset: DatasetFile, packer: MicroBatchPacker, dataRankCount: Int
    ) -> StepPlan {
        let dealt = deal(
            records, lengths: { packer.axisTokenCount(of: $0, in: dataset) }, over: dataRankCount)
        let plans = dealt.map { packer.plan(records: $0, in: dataset) }
        let microBatches = plans.map { plan in
            largestLast(plan.microBatches) { records in
                records.reduce(0) { $0 + packer.axisTokenCount(of: $1, in: dataset) }
            }
        }
        return StepPlan(
            step: step, epoch: epoch, microBatches: microBatches, oversized: plans.flatMap(\.oversized))
    }

    /// Gradients are reduced during the last micro-batch's backward: the largest micro-batch hides most of the reduction.
    private static func largestLast(_ microBatches: [[Int]], tokens: ([Int]) -> Int) -> [[Int]] {
        let counts = microBatches.map(tokens)
        // Micro-batches with equal counts stay in packing order.
        return microBatches.indices.sorted { (counts[$0], $0) < (counts[$1], $1) }.map { microBatches[$0] }
    }
}
