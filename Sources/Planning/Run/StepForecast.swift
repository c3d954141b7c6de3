import Costs
import Model
import Settings
import Stepping

/// Tells a step's time from a machine's rates.
public struct StepForecast: Sendable {
    public let shape: RunShape
    public let rates: MachineRates
    private let occupation: Occupation

    public init(_ shape: RunShape, rates: MachineRates) {
        self.shape = shape
        self.rates = rates
        occupation = Occupation(busy: min(shape.ranksPerNode, shape.layout.rankCount) * shape.threads, cores: rates.cores)
    }

    /// - Parameter isCached: values of references that are cached are known already.
    public func seconds(_ work: StepWork, isCached: Bool = false) -> StepSeconds {
        let ranks = work.map { microBatches -> StepSeconds in
            microBatches.reduce(into: StepSeconds()) { sum, workload in
                let one = seconds(of: workload, isCached: isCached)
                for section in Stopwatch.Section.allCases { sum[section] += one[section] }
            }
        }
        var step = StepSeconds.mean(ranks)
        let slowest = ranks.map(\.total).max() ?? 0
        step[.communication] += slowest - step.total
        addUpdate(to: &step, lastBackward: work.compactMap(\.last).map { backward($0).whole }.min() ?? 0)
        return step
    }

    // MARK: One micro-batch

    private func clocks(_ model: ModelConfiguration, tensor: Int) -> [ShareClock] {
        let sharding = ModelSharding(model, size: tensor)
        return (0..<tensor).map {
            ShareClock(rates, occupation, threads: shape.threads, sharding: sharding, rank: $0)
        }
    }

    /// What all ranks of a group spend, who wait for the slowest after each half.
    private struct GroupSeconds {
        var mean = ShareClock.Halves()
        /// Of the slowest in each half.
        var whole = 0.0
        var waiting: Double { whole - mean.sum }
    }

    private func together(_ halves: [ShareClock.Halves]) -> GroupSeconds {
        func mean(_ part: (ShareClock.Halves) -> Double) -> Double { halves.map(part).reduce(0, +) / Double(halves.count) }
        func slowest(_ part: (ShareClock.Halves) -> Double) -> Double { halves.map(part).max()! }
        return GroupSeconds(
            mean: .init(attention: mean(\.attention), feedForward: mean(\.feedForward), head: mean(\.head)),
            whole: slowest(\.attention) + slowest(\.feedForward) + slowest(\.head))
    }

    private func backward(_ workload: StepWorkload) -> GroupSeconds {
        together(
            clocks(shape.policy, tensor: shape.layout.tensor).map {
                $0.backward(workload, recompute: shape.recompute, keepsLogits: shape.keepsLogits)
            })
    }

    private func seconds(of workload: StepWorkload, isCached: Bool) -> StepSeconds {
        var result = StepSeconds()
        let forward = together(clocks(shape.policy, tensor: shape.layout.tensor).map { $0.forward(workload) })
        let backward = backward(workload)
        result[.forward] = forward.mean.attention + forward.mean.feedForward
        result[.backward] = backward.mean.attention + backward.mean.feedForward
        result[.head] = forward.mean.head + backward.mean.head
        let sums = TensorSums(policy: shape.policy, workload, recompute: shape.recompute)
        result[.communication] = forward.waiting + backward.waiting + seconds(of: sums, tensor: shape.layout.tensor)
        for reference in shape.references where !(isCached && reference.isCached) { add(reference, workload, to: &result) }
        return result
    }

    /// Copies in a layout of their own share the micro-batches of all data ranks.
    private func add(_ reference: RunShape.Reference, _ workload: StepWorkload, to result: inout StepSeconds) {
        let own = reference.placement?.layout ?? shape.layout
        let share = Double(shape.layout.data) / Double(own.data)
        let clocks = clocks(reference.model, tensor: own.tensor)
        var group = together(
            clocks.map { clock in
                var halves = clock.forward(workload)
                if !reference.scores { halves.head = 0 }
                return halves
            })
        if reference.isWidened {
            let shards = ModelShards(reference.model, size: own.tensor)
            let bytes = Double(reference.storedByteCount) / Double(reference.model.parameterCount) + 4
            let widening = clocks.indices.map { clocks[$0].memory(bytes * shards.parameterCount(rank: $0)) }.max()!
            group.mean.attention += widening
            group.whole += widening
        }
        result[.reference] += share * group.mean.sum
        let sums = TensorSums(reference: reference.model, workload)
        result[.communication] += share * (group.waiting + seconds(of: sums, tensor: own.tensor))
        // A teacher's logits are computed in the policy's head, twice where they are not kept.
        if reference.teaches {
            let tiles = self.clocks(reference.model, tensor: min(shape.layout.tensor, reference.model.keyValueHeadCount))
            let once = tiles.map { $0.head(workload, .forward, keepsLogits: true) }.max()!
            result[.head] += (shape.keepsLogits ? 1 : 2) * once
        }
        if reference.placement != nil {
            let bytes = Traffic.referenceBytes(reference, workload)
            let network = shape.nodeCount > 1 ? rates.network.bytesPerSecond : rates.memoryBytesPerSecond / 2
            result[.communication] += bytes / network
        }
    }

    private func seconds(of sums: TensorSums, tensor: Int) -> Double {
        sums.messages.reduce(0) {
            $0 + Double($1.count) * rates.sumSeconds(bytes: $1.bytes, ranks: tensor, nodes: shape.nodes(ofTensor: tensor))
        }
    }

    // MARK: The step's end

    /// The gradients' sums, and the optimizer.
    ///
    /// - Parameter lastBackward: seconds of the last micro-batch's, behind which sums over a network hide. Within a node the
    ///   cores that compute also copy, and nothing hides.
    private func addUpdate(to step: inout StepSeconds, lastBackward: Double) {
        let shards = ModelShards(shape.policy, size: shape.layout.tensor)
        let parameters = (0..<shape.layout.tensor).map(shards.parameterCount).max()!
        let data = shape.layout.data
        let (nodes, isSharded) = (shape.nodesOfData, shape.zero == .optimizerState)
        let alone = rates.gradientSeconds(
            bytes: 4 * parameters, ranks: data, nodes: nodes, sharers: nodes > 1 ? min(shape.ranksPerNode, shape.layout.rankCount) : 1)
        // Exchanging and gathering are half each; with ZeRO new parameters are gathered, after backward.
        let duringBackward = isSharded ? alone / 2 : alone
        let tied =
            shape.policy.tiedEmbeddings
            ? Double(shape.policy.vocabularySize * shape.policy.hiddenSize) / Double(shape.policy.parameterCount) : 0
        let hidden = nodes > 1 ? min(duringBackward * (1 - tied), lastBackward) : 0
        step[.communication] += alone - hidden
        let clock = clocks(shape.policy, tensor: shape.layout.tensor)[0]
        // Zeroed, then read for their norm; values, gradients and moments read, three of them written.
        step[.backward] += clock.memory(4 * parameters)
        step[.optimizer] += clock.memory((4 + 28 / Double(isSharded ? data : 1)) * parameters)
    }
}
