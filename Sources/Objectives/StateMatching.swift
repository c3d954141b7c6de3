import Kernels
import Settings

/// A term that moves the policy's residual stream h after some blocks towards a reference's residual stream g, at the scored
/// positions. P is a learned projection to the reference's width; there is no P if the widths are equal.
public struct StateMatching: Equatable, Sendable {
    public struct Layers: Equatable, Sendable {
        /// Blocks, counted from 0.
        public var policy, reference: Int

        public init(policy: Int, reference: Int) {
            self.policy = policy
            self.reference = reference
        }
    }

    public enum Measure: Sendable {
        /// Mean over the reference's width of (P·h − g)².
        case meanSquaredError
        /// 1 − cos(P·h, g)
        case cosine
    }

    public var reference: String
    public var layers: [Layers]
    public var measure: Measure

    public init(reference: String, layers: [Layers], measure: Measure) {
        self.reference = reference
        self.layers = layers
        self.measure = measure
    }
}
