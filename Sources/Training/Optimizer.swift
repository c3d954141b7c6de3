import Collectives
import Kernels
import Model
import Settings
import Tensors

/// AdamW over this rank's shard of a trainable model. A frozen model can't be given to it.
final class Optimizer {
    private let policy: Transformer<Trainable>
    private let rule: AdamW
    private let settings: OptimizerSettings
    private let tensor: any ProcessGroup
    private let workers: Workers
    let firstMoments: FlatBlock
    let secondMoments: FlatBlock
    /// Updates done.
    var step = 0

    init(_ policy: Transformer<Trainable>, settings: OptimizerSettings, tensor: any ProcessGroup, workers: Workers) {
        self.policy = policy
        self.settings = settings
        self.tensor = tensor
        self.workers = workers
        rule = AdamW(beta1: settings.firstBeta, beta2: settings.secondBeta, epsilon: settings.epsilon)
        firstMoments = FlatBlock(policy.table, sharding: policy.sharding, rank: tensor.rank)
        secondMoments = FlatBlock(policy.table, sharding: policy.sharding, rank: tensor.rank)
    }

    /// The 2-norm of the whole model's gradients, over all tensor ranks; theirs are whole already over data ranks.
    func gradientNorm() throws(CollectiveError) -> Double {
        try tensor.sum([policy.gradientSumOfSquares()])[0].squareRoot()
    }

    /// One update with the gradients clipped to the settings' norm: multiplied by min(1, clip / (norm + 1e-6)).
    func update(learningRate: Double, gradientNorm: Double) {
        step += 1
        let scale = settings.clipNorm.map { min(1, $0 / (gradientNorm + 1e-6)) } ?? 1
        for (index, specification) in policy.table.specifications.enumerated() {
            rule.update(
                values: policy.parameters.values[index], gradient: policy.parameters.gradients[index],
                firstMoment: firstMoments.parts[index], secondMoment: secondMoments.parts[index], step: step,
                learningRate: learningRate, weightDecay: specification.decays ? settings.weightDecay : 0,
                gradientScale: scale, workers: workers)
        }
    }
}
