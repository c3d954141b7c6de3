import Settings
import TestSupport
import Testing

@testable import Costs

@Suite struct RankMemoryTests {
    private let parameters = 119_104.0

    private func shape(
        data: Int = 1, tensor: Int = 1, zero: ZeroStage = .nothing, references: [RunShape.Reference] = [],
        keepsLogits: Bool = false
    ) -> RunShape {
        RunShape(
            policy: smallModel, references: references, layout: ParallelLayout(data: data, tensor: tensor),
            ranksPerNode: data * tensor, threads: 1, zero: zero, keepsLogits: keepsLogits)
    }

    private var needs: MemoryNeeds {
        var needs = MemoryNeeds(fullest: texts)
        (needs.processBytes, needs.threadBytes, needs.messagingBytes) = (1000, 100, 10)
        return needs
    }

    @Test("weights, gradients and moments are 4, 4 and 8 bytes a parameter; ZeRO shares the moments")
    func policy() {
        #expect(Double(smallModel.parameterCount) == parameters)
        let whole = shape().memory(needs, tensorRank: 0)
        #expect(whole[.weights] == 4 * parameters && whole[.gradients] == 4 * parameters && whole[.moments] == 8 * parameters)
        #expect(whole[.program] == 1100 && whole[.checkpoint] == 0)
        let shared = shape(data: 4, zero: .optimizerState).memory(needs, tensorRank: 0)
        #expect(shared[.moments] == 2 * parameters && shared[.program] == 1110)
    }

    @Test("a rank's part of a checkpoint is 12 bytes a parameter, shared by data ranks; norms are on every tensor rank")
    func checkpoint() {
        #expect(shape().stateBytes(tensorRank: 0) == 12 * parameters)
        #expect(shape(data: 4).stateBytes(tensorRank: 0) == 3 * parameters)
        #expect(shape(data: 2, tensor: 2).stateBytes(tensorRank: 1) == 6 * ((parameters - 320) / 2 + 320))
    }

    @Test("activations are the buffers' floats: of every token, and of scored rows")
    func activations() {
        // A block: projections 128, attention output 64, log-sum-exp 4 and a root; middle 64, gate and up 320 and a root.
        let block = 128 + 64 + 4 + 1 + 64 + 320 + 1
        // Three residual streams; forward's scratch 2 · 64 + 160, backward's the same and 128 + 64.
        let token = 2 * block + 3 * 64 + 2 * (2 * 64 + 160) + 128 + 64
        let scored = 4 * 64 + 1
        #expect(shape().memory(needs, tensorRank: 0)[.activations] == Double(4 * (200 * token + 198 * scored)))
    }

    @Test("behind matrices that are not full half a huge page each is there, or all that is left of them")
    func hugePages() {
        var roomy = needs
        roomy.reservedTokens = 300
        let more = shape().memory(roomy, tensorRank: 0)[.activations] - shape().memory(needs, tensorRank: 0)[.activations]
        // 100 tokens of every matrix: none of them is as much as half a page.
        let token = 2 * (128 + 64 + 4 + 1 + 64 + 320 + 1) + 3 * 64 + 2 * (2 * 64 + 160) + 128 + 64
        #expect(more == Double(4 * 100 * token))
        roomy.reservedTokens = 1 << 30
        let most = shape().memory(roomy, tensorRank: 0)[.activations] - shape().memory(needs, tensorRank: 0)[.activations]
        // 2 · 8 matrices of blocks, 3 streams, and 3 + 5 of scratch.
        #expect(most == 27 * 0x1p20)
    }

    @Test("a tensor rank has its shard, and reads whole pages of matrices that are cut by columns")
    func shards() {
        let reference = RunShape.Reference(name: "r", model: smallModel, storedByteCount: 2 * smallModel.parameterCount)
        let half = shape(tensor: 2, references: [reference]).memory(needs, tensorRank: 0)
        // Norms are on both ranks: 2 · 64 a block and 64 at the end.
        let norms = 320.0
        #expect(half[.weights] == 4 * ((parameters - norms) / 2 + norms))
        // Output [64, 64] and down [64, 160] of both blocks are read whole.
        let byColumns = 2.0 * (64 * 64 + 64 * 160)
        let touched = (parameters - norms - byColumns) / 2 + byColumns + norms
        #expect(abs(half[.reference("r")] - 2 * touched) < 1e-6)
    }

    @Test("logits of a panel are kept where gradients are known beforehand, else a tile of them")
    func head() {
        let tile = shape().memory(needs, tensorRank: 0)[.kernels]
        let panel = shape(keepsLogits: true).memory(needs, tensorRank: 0)[.kernels]
        // 198 rows: a tile of 198 × 2,048 gradients and one of logits; a panel of 198 × (512 + 8), 16 shares of 198 × 64.
        #expect(tile - panel == 4 * Double(2 * 198 * 2048 - 198 * 520 - 16 * 198 * 64))
    }

    @Test("bytes that are sent: 2(n − 1)/n of gradients and activations, 8 bytes a prediction over a bridge")
    func traffic() {
        let data = Traffic(shape(data: 4), [[[texts], [texts], [texts], [texts]]])
        #expect(data.gradients == 1.5 * 4 * parameters && data.activations == 0)
        let tensor = Traffic(shape(tensor: 2), [[[texts]]])
        // Rows of 64 floats: embedding, four sums forward, four backward, of 200 tokens (198 scored ones are too many to leave
        // the rest out), and the head's 198.
        #expect(tensor.activations == Double(4 * 64 * (9 * 200 + 198)) && tensor.gradients == 0)
        var scored = texts
        scored.targetRows = 198
        let bridge = RunShape.Reference(
            name: "r", model: smallModel, storedByteCount: 1,
            placement: ReferencePlacement(ranks: [0], layout: .single))
        #expect(Traffic(shape(data: 2, references: [bridge]), [[[scored], [scored]]]).referenceValues == 8 * 198)
    }
}
