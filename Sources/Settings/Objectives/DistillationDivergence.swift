/// The divergence between the student's distribution p and the teacher's distribution q, in nats.
public enum DistillationDivergence: Equatable, Sendable {
    /// KL(q‖p) = Σ q (log q − log p): the student covers all tokens that the teacher finds likely.
    case forwardKL
    /// KL(p‖q) = Σ p (log p − log q): the student avoids tokens that the teacher finds unlikely.
    case reverseKL
    /// The generalised Jensen–Shannon divergence (arXiv:2306.13649): with M = (1−β)p + βq, β·KL(q‖M) + (1−β)·KL(p‖M).
    /// β is in (0, 1); default 0.5. For β = 0 and β = 1 the divergence is 0 for any two models.
    case jensenShannon(beta: Double)
}

extension DistillationDivergence {
    /// The values of the key `divergence`.
    private enum Name: String, CaseIterable {
        case forwardKL = "forward_kl"
        case reverseKL = "reverse_kl"
        case jensenShannon = "jensen_shannon"
    }

    init(_ section: Section) throws(Failure) {
        let name = try section.choice("divergence", default: Name.forwardKL)
        switch name {
        case .forwardKL, .reverseKL:
            guard !section.isGiven("beta") else {
                throw section.failure(
                    "beta", "does not fit divergence \(name.rawValue), which has no constant",
                    remedy: "Leave it out, or write divergence: \(Name.jensenShannon.rawValue).")
            }
            self = name == .forwardKL ? .forwardKL : .reverseKL
        case .jensenShannon:
            self = .jensenShannon(beta: try DistillationDivergence.beta(section))
        }
    }

    /// Refuses 0 and 1. For these values other programs compute a KL divergence, which the error names.
    private static func beta(_ section: Section) throws(Failure) -> Double {
        if let beta = try? section.number("beta", .fraction), beta == 0 || beta == 1 {
            let name: Name = beta == 0 ? .forwardKL : .reverseKL
            throw section.failure(
                "beta", "is \(Int(beta)), where the Jensen-Shannon divergence of any two models is 0",
                remedy: "Write divergence: \(name.rawValue), or a beta greater than 0 and below 1.")
        }
        return try section.number("beta", .innerFraction, default: 0.5)
    }

    var written: [(String, WrittenYAML)] {
        switch self {
        case .forwardKL: [("divergence", .text(Name.forwardKL.rawValue))]
        case .reverseKL: [("divergence", .text(Name.reverseKL.rawValue))]
        case .jensenShannon(let beta):
            [("divergence", .text(Name.jensenShannon.rawValue)), ("beta", .number(beta))]
        }
    }
}
