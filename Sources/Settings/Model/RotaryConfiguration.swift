/// Rotary position embedding (Su et al., arXiv:2104.09864) of a head's first `dimension` columns.
public struct RotaryConfiguration: Hashable, Sendable {
    /// Which columns turn together.
    public enum Pairing: Hashable, Sendable {
        /// Column i with column i + dimension/2 (Llama).
        case halves
        /// Column 2i with column 2i + 1 (GLM-4, Cohere).
        case neighbours
    }

    /// How frequencies are changed for texts that are longer than the first training's. `original` is that training's number
    /// of positions.
    public enum Scaling: Hashable, Sendable {
        case none
        /// Every frequency divided by `factor`.
        case linear(factor: Double)
        /// A larger base for sequences longer than `original` (dynamic NTK). It depends on the length of the sequence.
        case dynamic(factor: Double, original: Int)
        /// Llama 3.1: low frequencies are divided by `factor`, high ones stay.
        case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, original: Int)
        /// Peng et al., arXiv:2309.00071. `attentionFactor` multiplies cosines and sines.
        case yarn(factor: Double, original: Int, betaFast: Double, betaSlow: Double, attentionFactor: Double, truncate: Bool)
        /// Ding et al., arXiv:2402.13753: a divisor for each frequency, by whether the sequence is longer than `original`.
        case longrope(short: [Double], long: [Double], original: Int, attentionFactor: Double)
    }

    /// The base of the frequencies: θ_i = theta^(−2i/dimension).
    public var theta: Double
    /// Columns of a head that turn; the others stay. Even.
    public var dimension: Int
    public var pairing: Pairing
    public var scaling: Scaling

    public init(theta: Double, dimension: Int, pairing: Pairing = .halves, scaling: Scaling = .none) {
        self.theta = theta
        self.dimension = dimension
        self.pairing = pairing
        self.scaling = scaling
    }

    /// The longest sequence that has the usual angles, if the angles of a token depend on the length of its sequence. Two
    /// sequences with different angles can't share a prefix.
    public var lengthLimit: Int? {
        switch scaling {
        case .dynamic(_, let original), .longrope(_, _, let original, _): original
        case .none, .linear, .llama3, .yarn: nil
        }
    }
}
