import Costs
import Planning
import Settings

/// Extends the measured series to more ranks and nodes with the plan's model. The last measured point of each series calibrates
/// the model.
struct ScalingForecast {
    let rates: MachineRates
    let sizes: ScalingSeries.Sizes
    /// The most nodes. Each node is like this machine.
    let nodes: Int

    /// The most tensor ranks. They send messages in every block, so more tensor ranks gain nothing.
    private static let tensorLimit = 16

    func points(after measured: [ScalingPoint]) -> [ScalingPoint] {
        var points: [ScalingPoint] = []
        for (index, last) in measured.enumerated()
        where !last.isOversubscribed
            && (index + 1 == measured.count || measured[index + 1].series != last.series
                || measured[index + 1].isOversubscribed)
        {
            guard let first = measured.first(where: { $0.series == last.series }) else { continue }
            let calibration = last.stepSeconds / forecast(last.series, ranks: last.ranks).seconds.total
            for ranks in counts(last.series, after: last.ranks) {
                points.append(point(last.series, ranks, calibration: calibration, first: first))
            }
        }
        return points
    }

    private func counts(_ series: ScalingSeries, after measured: Int) -> [Int] {
        let most = series.axis == .data ? nodes * rates.cores : min(ScalingForecast.tensorLimit, nodes * rates.cores)
        var counts: [Int] = []
        var ranks = rates.cores
        while ranks <= most {
            if ranks > measured && series.fits(ranks: ranks, sizes) { counts.append(ranks) }
            ranks *= 2
        }
        // A strong series has at most as many data ranks as pairs.
        return series.growth == .strong && series.axis == .data
            ? counts.filter { $0 <= series.pairsPerStep(ranks: $0, sizes) } : counts
    }

    private func point(_ series: ScalingSeries, _ ranks: Int, calibration: Double, first: ScalingPoint) -> ScalingPoint {
        let (seconds, shape, work) = forecast(series, ranks: ranks)
        let step = calibration * seconds.total
        let data = Double(shape.layout.data)
        let counter = ProductCounter(shape.policy)
        let operations =
            data
            * work[0].reduce(0) { sum, workload in
                let forward = counter.forward(workload).operations
                return sum + 3 * forward + (series.reference == .on ? forward : 0)
            }
        let tokens = data * Double(work[0].reduce(0) { $0 + $1.tokens })
        var needs = MemoryNeeds(fullest: work[0].max { $0.tokens < $1.tokens }!)
        needs.checkpointByteCount = 4 * shape.policy.parameterCount
        (needs.processBytes, needs.threadBytes, needs.messagingBytes) = (
            rates.processBytes, rates.threadBytes, rates.messagingBytes
        )
        return ScalingPoint(
            series: series, ranks: ranks, nodes: shape.nodeCount, isForecast: true, isOversubscribed: false,
            stepSeconds: step, stepSecondsRange: nil, tokensPerSecond: tokens / step, operations: operations,
            efficiency: operations / step / Double(ranks) / (first.operations / first.stepSeconds),
            efficiencyRange: nil, machineEfficiency: nil,
            exposedCommunication: seconds[.communication] / seconds.total,
            memoryBytesPerRank: shape.memory(needs, tensorRank: 0).byteCount, model: series.modelName(ranks: ranks, sizes))
    }

    /// The forecast of a step, from the micro-batches of one data rank. All data ranks have the same number of pairs.
    private func forecast(_ series: ScalingSeries, ranks: Int) -> (seconds: StepSeconds, shape: RunShape, work: StepWork) {
        let model = series.model(ranks: ranks, sizes)
        let layout = series.axis == .data ? ParallelLayout(data: ranks, tensor: 1) : ParallelLayout(data: 1, tensor: ranks)
        let references =
            series.reference == .off
            ? []
            : [
                RunShape.Reference(
                    name: "frozen", model: model, storedByteCount: 4 * model.parameterCount,
                    isCached: series.reference == .cached)
            ]
        let shape = RunShape(
            policy: model, references: references, layout: layout, ranksPerNode: min(ranks, rates.cores), threads: 1,
            keepsLogits: false)
        let work = [microBatches(pairs: max(1, series.pairsPerStep(ranks: ranks, sizes) / layout.data))]
        return (StepForecast(shape, rates: rates).seconds(work, isCached: series.reference == .cached), shape, work)
    }

    /// Micro-batches with as many pairs as fit into 1,024 tokens.
    private func microBatches(pairs: Int) -> [StepWorkload] {
        let tokens = sizes.promptTokens + 2 * sizes.completionTokens
        let most = max(1, 1024 / tokens)
        return stride(from: 0, to: pairs, by: most).map { start in
            var workload = StepWorkload()
            for _ in start..<min(start + most, pairs) {
                let completion = StepWorkload.Segment(queries: sizes.completionTokens, prefix: sizes.promptTokens)
                workload.segments += [.init(queries: sizes.promptTokens), completion, completion]
                // The prompt's last token predicts the first token of both completions. The last token of a completion predicts
                // nothing.
                let scored = StepWorkload.Segment(queries: sizes.completionTokens - 1, prefix: sizes.promptTokens)
                workload.scored += [.init(queries: 1, prefix: sizes.promptTokens - 1), scored, scored]
                workload.targetRows += 2 * sizes.completionTokens
            }
            return workload
        }
    }
}
