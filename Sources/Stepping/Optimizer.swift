import Collectives
import Kernels
import Model
import Settings
import Tensors

/// AdamW over this rank's part of a trainable model. It does not accept a frozen model.
///
/// The part is the rank's shard of its tensor rank's flat block (`parallel.zero: 1`), or the full block.
package final class Optimizer {
    private let policy: Transformer<Trainable>
    private let rule: AdamW
    private let settings: OptimizerSettings
    private let mesh: Mesh
    private let workers: Workers
    /// The pieces of parameters that this rank updates.
    package let pieces: [ShardPiece]
    /// The pieces that this rank counts in the gradient norm. Over all ranks every gradient counts once.
    private let normPieces: [ShardPiece]
    /// `[1, floats that this rank updates]`
    package let firstMoments: Matrix
    package let secondMoments: Matrix
    /// Number of updates done.
    package var step = 0
    /// Called before parameters and moments change.
    package var beforeUpdate: (() -> Void)?

    /// - Parameters:
    ///   - partition: the data ranks' partition of the flat block.
    ///   - zero: whether this rank updates only its own shard.
    package init(
        _ policy: Transformer<Trainable>, settings: OptimizerSettings, partition: FlatPartition, zero: ZeroStage,
        mesh: Mesh, workers: Workers
    ) {
        self.policy = policy
        self.settings = settings
        self.mesh = mesh
        self.workers = workers
        rule = AdamW(beta1: settings.firstBeta, beta2: settings.secondBeta, epsilon: settings.epsilon)
        let block = policy.parameters.valueBlock
        let ranges = policy.table.specifications.indices.map(block.range)
        let own = partition.shard(of: mesh.data.rank)
        let updated = zero == .nothing ? [0..<partition.count] : own
        pieces = ShardPiece.all(of: updated, parameters: ranges)
        normPieces = ShardPiece.all(of: own, parameters: ranges).filter {
            // Replicated parameters have the same gradient on every tensor rank: only the first rank counts it.
            policy.table.specifications[$0.parameter].cut != .replicated || mesh.tensor.rank == 0
        }
        let count = updated.reduce(0) { $0 + $1.count }
        firstMoments = Matrix(rowCount: 1, columnCount: count)
        secondMoments = Matrix(rowCount: 1, columnCount: count)
    }

    /// The 2-norm of the full model's gradients, the same on all ranks. Each rank reads its own shard, which must already
    /// be summed over the data ranks. Collective over all ranks.
    package func gradientNorm() throws(CollectiveError) -> Double {
        let gradients = policy.parameters.gradientBlock.flat
        let own = normPieces.reduce(0) { sum, piece in
            piece.matrices(inBlock: gradients).reduce(sum) { $0 + Elementwise.sumOfSquares($1, workers: workers) }
        }
        return try mesh.world.allReduce([own])[0].squareRoot()
    }

    /// Updates this rank's part once. Gradients are clipped to the settings' norm: multiplied by min(1, clip / (norm +
    /// 1e-6)).
    package func update(learningRate: Double, gradientNorm: Double) {
        beforeUpdate?()
        step += 1
        let scale = settings.clipNorm.map { min(1, $0 / (gradientNorm + 1e-6)) } ?? 1
        let (values, gradients) = (policy.parameters.valueBlock.flat, policy.parameters.gradientBlock.flat)
        for piece in pieces {
            let decays = policy.table.specifications[piece.parameter].decays
            let moments = zip(piece.matrices(inShard: firstMoments), piece.matrices(inShard: secondMoments))
            let numbers = zip(piece.matrices(inBlock: values), piece.matrices(inBlock: gradients))
            for ((values, gradient), (first, second)) in zip(numbers, moments) {
                rule.update(
                    values: values, gradient: gradient, firstMoment: first, secondMoment: second, step: step,
                    learningRate: learningRate, weightDecay: decays ? settings.weightDecay : 0, gradientScale: scale,
                    workers: workers)
            }
        }
    }
}
