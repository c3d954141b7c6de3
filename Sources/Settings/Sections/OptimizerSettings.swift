/// AdamW (arXiv:1711.05101) and its learning rate: `optimizer`.
public struct OptimizerSettings: Equatable, Sendable {
    /// Peak learning rate, per step. Required, at least 0.
    public var learningRate: Double
    /// β₁, the decay of the first moment (the mean of gradients), per step. In [0, 1); default 0.9.
    public var firstBeta: Double
    /// β₂, the decay of the second moment (the mean of squared gradients), per step. In [0, 1); default 0.999.
    public var secondBeta: Double
    /// Added to the root of the second moment. Greater than 0; default 1e-8.
    public var epsilon: Double
    /// Decoupled weight decay: a step subtracts the fraction `learning rate · weight decay` of each weight. Norm weights and
    /// biases do not decay. At least 0; default 0.
    public var weightDecay: Double
    /// Fraction of the run's steps with rising learning rate. In [0, 1]; default 0.
    public var warmupFraction: Double
    /// How the learning rate changes after warm-up. Default `.constant`.
    public var decay: LearningRateDecay
    /// The largest global gradient norm: gradients with a larger norm are scaled down to it. Greater than 0; nil: no clipping.
    /// Default 1.
    public var clipNorm: Double?
    /// What happens to steps whose numbers are wrong.
    public var stepGuard: StepGuardSettings

    public init(
        learningRate: Double, firstBeta: Double = 0.9, secondBeta: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0, warmupFraction: Double = 0, decay: LearningRateDecay = .constant,
        clipNorm: Double? = 1, stepGuard: StepGuardSettings = StepGuardSettings()
    ) {
        self.learningRate = learningRate
        self.firstBeta = firstBeta
        self.secondBeta = secondBeta
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.warmupFraction = warmupFraction
        self.decay = decay
        self.clipNorm = clipNorm
        self.stepGuard = stepGuard
    }
}

/// The values of `optimizer.type`.
private enum OptimizerType: String, CaseIterable {
    case adamw
}

extension OptimizerSettings {
    static let keys =
        [
            "type", "learning_rate", "betas", "epsilon", "weight_decay", "warmup_fraction", "decay", "clip_norm",
        ] + StepGuardSettings.keys

    init(_ section: Section) throws(Failure) {
        _ = try section.choice("type", default: OptimizerType.adamw)
        let rate = try section.required(
            "learning_rate", section.number("learning_rate", .notNegative), remedy: "Write one, such as 5e-7.")
        let betas = try OptimizerSettings.betas(section)
        self.init(
            learningRate: rate, firstBeta: betas.first, secondBeta: betas.second,
            epsilon: try section.number("epsilon", .positive, default: 1e-8),
            weightDecay: try section.number("weight_decay", .notNegative, default: 0),
            warmupFraction: try section.number("warmup_fraction", .fraction, default: 0),
            decay: try section.choice("decay", default: .constant),
            // `null` is a value here: no clipping.
            clipNorm: section["clip_norm"] == nil ? 1 : try section.number("clip_norm", .positive),
            stepGuard: try StepGuardSettings(section))
    }

    private static func betas(_ section: Section) throws(Failure) -> (first: Double, second: Double) {
        guard let node = section["betas"] else { return (0.9, 0.999) }
        guard case .list(let items) = node.content, items.count == 2 else {
            throw section.failure(
                "betas", "is not a list of two numbers", remedy: "Write both, such as [0.9, 0.999].")
        }
        return (
            try section.number(items[0], "betas", .below(1)), try section.number(items[1], "betas", .below(1))
        )
    }

    var written: WrittenYAML {
        .mapping(
            [
                ("type", .text(OptimizerType.adamw.rawValue)), ("learning_rate", .number(learningRate)),
                ("betas", .list([.number(firstBeta), .number(secondBeta)])), ("epsilon", .number(epsilon)),
                ("weight_decay", .number(weightDecay)), ("warmup_fraction", .number(warmupFraction)),
                ("decay", .text(decay.rawValue)), ("clip_norm", clipNorm.map(WrittenYAML.number) ?? .null),
            ] + stepGuard.written)
    }
}
