import Costs
import Model
import Settings

// T tokens, U scored rows; D model width, A columns of a rank's query heads, B of its key/value heads, F feed-forward and V'
// vocabulary columns of it.

/// Seconds that one tensor rank's threads take for its share of a pass, sums over other ranks apart.
struct ShareClock {
    let rates: MachineRates
    let occupation: Occupation
    let threads: Int
    private let overhead: Double
    let counter: ProductCounter
    let sharding: ModelSharding
    let rank: Int

    init(_ rates: MachineRates, _ occupation: Occupation, threads: Int, sharding: ModelSharding, rank: Int) {
        self.rates = rates
        self.occupation = occupation
        self.threads = threads
        overhead = rates.overhead(threads: threads)
        self.sharding = sharding
        self.rank = rank
        counter = ProductCounter(sharding, rank: rank)
    }

    /// What a rank does between sums: the ranks wait for each other after each.
    struct Halves: Equatable {
        var attention = 0.0
        var feedForward = 0.0
        var head = 0.0

        var sum: Double { attention + feedForward + head }
    }

    func forward(_ workload: StepWorkload) -> Halves {
        let bytes = streamBytes(workload, gradients: false)
        return Halves(
            attention: overhead
                * (layers(counter.forward(.projections, workload)) + attention(counter.forward(.attention, workload), \.forward)
                    + memory(bytes.attention)),
            feedForward: overhead * (layers(counter.forward(.feedForward, workload)) + memory(bytes.feedForward)),
            head: head(workload, .forward, keepsLogits: false))
    }

    /// - Parameter keepsLogits: the head's are there already.
    func backward(_ workload: StepWorkload, recompute: Recomputation, keepsLogits: Bool) -> Halves {
        let bytes = streamBytes(workload, gradients: true)
        let again = recomputed(workload, recompute)
        return Halves(
            attention: overhead
                * (layers(counter.backward(.projections, workload)) + attention(counter.backward(.attention, workload), \.backward)
                    + memory(bytes.attention)) + again.attention,
            feedForward: overhead * (layers(counter.backward(.feedForward, workload)) + memory(bytes.feedForward))
                + again.feedForward,
            head: head(workload, .backward, keepsLogits: keepsLogits))
    }

    /// Of all blocks but the last: query, key, value and attention; with `block` also the output, gate and up.
    private func recomputed(_ workload: StepWorkload, _ recompute: Recomputation) -> Halves {
        guard recompute != .nothing else { return Halves() }
        let whole = forward(workload)
        let model = sharding.configuration
        let blocks = Double(model.layerCount - 1) / Double(model.layerCount)
        return recompute == .block
            ? Halves(attention: blocks * whole.attention, feedForward: blocks * whole.feedForward * 2 / 3)
            : Halves(
                attention: blocks * whole.attention
                    * (1 - 0.5 * Double(model.headsPerGroup) / Double(model.headsPerGroup + 1) * projectionShare(workload)))
    }

    /// The part of the attention half's forward operations that are layers.
    private func projectionShare(_ workload: StepWorkload) -> Double {
        let layers = counter.forward(.projections, workload).operations
        return layers / (layers + counter.forward(.attention, workload).operations)
    }

    /// Bytes that norms, rotary embeddings, sums and the gated activation read and write, beside the products' own.
    private func streamBytes(_ workload: StepWorkload, gradients: Bool) -> (attention: Double, feedForward: Double) {
        let model = sharding.configuration
        let width = Double(model.hiddenSize)
        let groups = Double(sharding.keyValueHeads[rank].count)
        let turned = groups * Double((model.headsPerGroup + 1) * model.headDimension)
        let columns = Double(sharding.feedForwardColumns[rank].count)
        let attention = gradients ? 6 * width + 2 * turned : 5 * width + 2 * turned
        let feedForward = gradients ? 6 * width + 8 * columns : 5 * width + 3 * columns
        let rows = Double((model.layerCount - 1) * workload.tokens + workload.scoredRows)
        return (4 * rows * attention, 4 * rows * feedForward)
    }

    // MARK: Kernels

    /// Linear layers, cut as `Linear` cuts them.
    private func layers(_ products: [RequiredProduct]) -> Double {
        products.reduce(0) { sum, product in
            guard product.operations > 0 else { return sum }
            let rows = product.form == .weightGradient ? min(product.m, 384) : min(product.m, max(64, min(512, product.m / 4)))
            let rate = rates.productRate(product.form, m: rows, n: product.n, k: product.k, occupation)
            // Fewer rows than 64 a task are not cut; gradients of weights run side by side with those of other layers.
            let tasks = product.form == .weightGradient ? threads : max(1, product.m / 64)
            return sum + product.operations / (rate * Double(min(threads, tasks)))
        }
    }

    private func attention(
        _ products: [RequiredProduct], _ direction: KeyPath<(forward: Double, backward: Double), Double>
    ) -> Double {
        products.reduce(0) { sum, product in
            guard product.operations > 0 else { return sum }
            let keys =
                switch product.form {
                case .forward: product.n
                case .inputGradient: product.k
                case .weightGradient: product.m
                }
            let rate = rates.attentionRate(keys: keys, occupation)[keyPath: direction]
            return sum + product.operations / (rate * Double(threads))
        }
    }

    enum Direction { case forward, backward }

    /// Products with the vocabulary in tiles, and a pass over each tile's logits. Where they were not kept, backward
    /// multiplies once more.
    func head(_ workload: StepWorkload, _ direction: Direction, keepsLogits: Bool) -> Double {
        let (rows, columns) = (workload.scoredRows, sharding.vocabularyRows[rank].count)
        guard rows > 0, columns > 0 else { return 0 }
        let width = sharding.configuration.hiddenSize
        let logits = Double(rows) * Double(columns)
        func product(_ form: RequiredProduct.Form, _ m: Int, _ n: Int, _ k: Int) -> Double {
            2 * logits * Double(width) / (rates.productRate(form, m: m, n: n, k: k, occupation) * Double(threads))
        }
        let tile = min(rows, 512)
        let logitProduct = product(.forward, tile, 1024, width)
        let score = rates.scoreSecondsPerLogit * logits / (Double(threads) * occupation.share)
        switch direction {
        case .forward: return overhead * (logitProduct + score)
        case .backward:
            let gradient = rates.gradientSecondsPerLogit * logits / (Double(threads) * occupation.share)
            return overhead
                * ((keepsLogits ? 0 : logitProduct) + product(.inputGradient, tile, width, 1024)
                    + product(.weightGradient, 1024, width, tile) + gradient)
        }
    }

    /// Seconds that this rank's threads need to move `bytes` through memory.
    func memory(_ bytes: Double) -> Double { bytes / (rates.memoryRate(occupation) * Double(threads)) }
}
