import Kernels
import Settings

/// A term that pulls the policy's residual stream after some blocks towards a reference's, at the scored positions.
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
