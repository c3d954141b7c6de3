import Foundation
import Settings

/// What Transformers computes of rotary positions, in float64 (`Tests/Fixtures/rotary/make.py`).
struct RotaryFixture: Decodable {
    struct Sequence: Decodable {
        let length: Int
        /// `[d/2]` in radians for each position.
        let frequencies: [Double]
        let positions: [Int32]
        /// `[positions, E]` one head, turned.
        let turned: [[Double]]
    }

    let name: String
    /// Of all cosines and sines.
    let factor: Double
    let sequences: [Sequence]

    static let headDimension = 16

    /// `[E]` the head before it turns.
    static let head = (0..<headDimension).map { sin(1 + 3 * Double($0)) }

    static func all() throws -> [RotaryFixture] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try JSONDecoder().decode(
            [RotaryFixture].self, from: Data(contentsOf: folder.appendingPathComponent("Fixtures/rotary/rotary.json")))
    }

    /// The cases as they are written in the script, by name.
    static let configurations: [String: RotaryConfiguration] = [
        "default": RotaryConfiguration(theta: 10_000, dimension: 16),
        "linear": RotaryConfiguration(theta: 500_000, dimension: 16, scaling: .linear(factor: 4)),
        "dynamic": RotaryConfiguration(theta: 10_000, dimension: 16, scaling: .dynamic(factor: 3, original: 16)),
        "llama3": RotaryConfiguration(
            theta: 10_000, dimension: 16,
            scaling: .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, original: 64)),
        "yarn": yarn(attention: 1 + 0.1 * log(4)),
        "yarn narrow": yarn(theta: 100, original: 5, attention: 1 + 0.1 * log(4)),
        "yarn untruncated": yarn(fast: 8, slow: 2, attention: 1 + 0.1 * log(4), truncate: false),
        "yarn scales": yarn(attention: (1 + 0.07 * log(4)) / (1 + 0.13 * log(4))),
        "yarn attention": yarn(attention: 1.75),
        "longrope": RotaryConfiguration(
            theta: 10_000, dimension: 8,
            scaling: .longrope(
                short: [1, 1.5, 2, 3.5], long: [1.25, 3, 7.5, 20], original: 16, attentionFactor: 1.75.squareRoot())),
        "partial": RotaryConfiguration(theta: 10_000, dimension: 4),
        "neighbours": RotaryConfiguration(theta: 10_000, dimension: 16, pairing: .neighbours),
        "partial neighbours": RotaryConfiguration(theta: 10_000, dimension: 8, pairing: .neighbours),
        "alpha": RotaryConfiguration(theta: 10_000 * pow(1000, 16.0 / 14), dimension: 16),
        "gemma3_text full_attention": RotaryConfiguration(theta: 1e6, dimension: 16, scaling: .linear(factor: 8)),
        "gemma3_text sliding_attention": RotaryConfiguration(theta: 5000, dimension: 16),
        "olmo3 full_attention": yarn(theta: 500_000, factor: 8, original: 64, attention: 1.25),
        "olmo3 sliding_attention": RotaryConfiguration(theta: 500_000, dimension: 16),
    ]

    private static func yarn(
        theta: Double = 10_000, factor: Double = 4, original: Int = 256, fast: Double = 32, slow: Double = 1,
        attention: Double, truncate: Bool = true
    ) -> RotaryConfiguration {
        RotaryConfiguration(
            theta: theta, dimension: 16,
            scaling: .yarn(
                factor: factor, original: original, betaFast: fast, betaSlow: slow, attentionFactor: attention,
                truncate: truncate))
    }
}
