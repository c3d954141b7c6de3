import Collectives
import Costs
import Datasets
import Model
import Runs
import Settings
import Stepping
import Weights

/// What a run will need and take, told without running it.
public struct RunPlan {
    public let shape: RunShape
    /// The steps that were laid out to count: the run's first.
    public let work: [StepWork]
    public let needs: MemoryNeeds
    /// Of each tensor rank.
    public let memory: [RankMemory]
    public let traffic: Traffic
    /// Bytes that a node has for a run.
    public let nodeByteCount: Int
    public let rates: MachineRates?
    public let modelName: String
    let course: RunCourse
    /// Checkpoints are asked for, or the run is long enough to save some by itself.
    public var savesCheckpoints: Bool {
        course.checkpointEvery != nil || course.checkpointMinutes.map { 60 * $0 < duration?.training ?? 0 } ?? false
    }

    /// Steps that are read from the dataset to count operations, at most.
    private static let stepLimit = 8
    /// Steps whose micro-batches are laid out by their lengths, to find the fullest.
    private static let lengthLimit = 1000

    /// - Throws: `Failure` (configuration) where a node has too little memory, naming what would fit.
    public init(_ run: ResolvedRun, ranksPerNode: Int, threads: Int, rates: MachineRates?, nodeByteCount: Int) throws(Failure) {
        let outline = try RunPlan.outline(run)
        var shape = RunShape(run, ranksPerNode: ranksPerNode, threads: threads)
        shape.keepsLogits = outline.keepsLogits
        var needs = outline.needs
        if let rates {
            (needs.processBytes, needs.threadBytes) = (rates.processBytes, rates.threadBytes)
            needs.messagingBytes = rates.messagingBytes
        }
        self.shape = shape
        self.needs = needs
        self.rates = rates
        self.nodeByteCount = nodeByteCount
        work = outline.work
        modelName = run.policy.name
        course = RunCourse(run)
        memory = (0..<shape.layout.tensor).map { [needs] in shape.memory(needs, tensorRank: $0) }
        traffic = Traffic(shape, work)
        try checkMemory(place: run.configuration.file)
    }

    /// Expected seconds of a step; nil without a machine's rates.
    public func seconds(isCached: Bool = false) -> StepSeconds? {
        rates.map { rates in
            let forecast = StepForecast(shape, rates: rates)
            return .mean(work.map { forecast.seconds($0, isCached: isCached) })
        }
    }

    /// Bytes of a node: of each of its ranks what is its own, and shared pages once. The policy's mapped checkpoint is not
    /// counted, as the system takes its pages back.
    public var bytesOfNode: Double { RunPlan.bytesOfNode(shape, needs) }

    static func bytesOfNode(_ shape: RunShape, _ needs: MemoryNeeds) -> Double {
        let ranks = (0..<shape.layout.tensor).map { shape.memory(needs, tensorRank: $0) }
        func own(_ memory: RankMemory) -> Double { memory.items.filter { !$0.kind.isShared }.reduce(0) { $0 + $1.byteCount } }
        let (groups, rest) = min(shape.ranksPerNode, shape.layout.rankCount).quotientAndRemainder(dividingBy: ranks.count)
        let held = Double(groups) * ranks.reduce(0) { $0 + own($1) } + ranks.map(own).sorted(by: >).prefix(rest).reduce(0, +)
        return held + shape.references.reduce(0) { $0 + Double($1.storedByteCount) }
    }

    // MARK: Counting

    private static func outline(
        _ run: ResolvedRun
    ) throws(Failure) -> (work: [StepWork], needs: MemoryNeeds, keepsLogits: Bool) {
        let (dataset, packer) = (run.training!, run.packer)
        var planner = StepPlanner(
            dataset, configuration: run.configuration, dataRankCount: run.layout.data, lengthLimit: run.lengthLimit)
        var work: [StepWork] = []
        var fullest: (tokens: Int, records: [Int]) = (0, [])
        var keepsLogits = true
        for count in 0..<lengthLimit {
            guard let plan = planner.next() else { break }
            var step: StepWork = []
            for microBatches in plan.microBatches {
                var workloads: [StepWorkload] = []
                for records in microBatches {
                    let tokens = records.reduce(0) { $0 + packer.axisTokenCount(of: $1, in: dataset) }
                    if tokens > fullest.tokens { fullest = (tokens, records) }
                    guard count < stepLimit else { continue }
                    let batch = try packer.assemble(records, from: dataset)
                    if !run.knowsGradients(of: batch) { keepsLogits = false }
                    workloads.append(StepWorkload(batch))
                }
                step.append(workloads)
            }
            if count < stepLimit { work.append(step) }
        }
        var needs = MemoryNeeds(fullest: StepWorkload(try packer.assemble(fullest.records, from: dataset)))
        needs.reservedTokens = run.largestMicroBatch
        needs.checkpointByteCount = run.policy.mappedByteCount
        for record in 0..<dataset.recordCount {
            needs.cachedRowCount += dataset.scoredRowCount(of: record, run.scoredTokens) ?? dataset.tokenCount(of: record)
        }
        needs.cachedRecordCount = dataset.recordCount
        return (work, needs, keepsLogits)
    }
}

extension ModelOrigin {
    /// Of the files that its weights are mapped from; 0 where they are drawn at random.
    var mappedByteCount: Int {
        (source as? HuggingFaceCheckpoint)?.tensors.reduce(0) { $0 + $1.byteCount } ?? 0
    }
}
