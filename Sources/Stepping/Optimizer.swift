import Collectives
import Kernels
import Model
import Settings
import Tensors

/// AdamW over this rank's part of a trainable model. A frozen model can't be given to it.
///
/// The part is the rank's shard of its tensor rank's flat block (`parallel.zero: 1`), or the whole block.
package final class Optimizer {
    private let policy: Transformer<Trainable>
    private let rule: AdamW
    private let settings: OptimizerSettings
    private let mesh: Mesh
    private let workers: Workers
    /// What this rank updates.
    package let pieces: [ShardPiece]
    /// What this rank counts of the gradients' norm: with all other ranks every number once.
    private let normPieces: [ShardPiece]
    /// `[1, floats of what this rank updates]`
    package let firstMoments: Matrix
    package let secondMoments: Matrix
    /// Updates done.
    package var step = 0
    /// Called before parameters and moments change.
    package var beforeUpdate: (() -> Void)?

    /// - Parameters:
    ///   - partition: of the flat block among the data ranks.
    ///   - zero: whether this rank updates its own shard only.
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
            // Replicated parameters have the same gradient on every tensor rank: the first one's counts.
            policy.table.specifications[$0.parameter].cut != .replicated || mesh.tensor.rank == 0
        }
        let count = updated.reduce(0) { $0 + $1.count }
        firstMoments = Matrix(rowCount: 1, columnCount: count)
        secondMoments = Matrix(rowCount: 1, columnCount: count)
    }

    /// The 2-norm of the whole model's gradients, the same on all ranks. Each rank reads its own shard, which must be added
    /// up over the data ranks already. Collective over all ranks.
    package func gradientNorm() throws(CollectiveError) -> Double {
        let gradients = policy.parameters.gradientBlock.flat
        let own = normPieces.reduce(0) { sum, piece in
            piece.matrices(inBlock: gradients).reduce(sum) { $0 + Elementwise.sumOfSquares($1, workers: workers) }
        }
        return try mesh.world.allReduce([own])[0].squareRoot()
    }

    /// One update of this rank's part, with the gradients clipped to the settings' norm: multiplied by
    /// min(1, clip / (norm + 1e-6)).
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
