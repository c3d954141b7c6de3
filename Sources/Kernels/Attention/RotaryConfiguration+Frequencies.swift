import Foundation
import Settings

// d columns of a head that turn, i = 0, …, d/2 − 1.

extension RotaryConfiguration {
    /// Which frequencies a sequence has. All but `usual` occur only if `lengthLimit` is not nil.
    enum Variant: Hashable, Sendable {
        case usual
        /// longrope, longer than `original`: the same for all lengths.
        case long
        /// dynamic, longer than `original`: the frequencies of exactly this length.
        case length(Int)
    }

    /// - Parameter length: tokens of the sequence.
    func variant(length: Int) -> Variant {
        switch scaling {
        case .dynamic(_, let original) where length > original: .length(length)
        case .longrope(_, _, let original, _) where length > original: .long
        default: .usual
        }
    }

    /// The factor of all cosines and sines.
    var attentionFactor: Double {
        switch scaling {
        case .yarn(_, _, _, _, let attentionFactor, _), .longrope(_, _, _, let attentionFactor): attentionFactor
        case .none, .linear, .dynamic, .llama3: 1
        }
    }

    /// `[d/2]` in radians for each position. The formulas of the scaled types are those of Transformers 5
    /// (`modeling_rope_utils.py`), in Double.
    func frequencies(_ variant: Variant) -> [Double] {
        let count = dimension / 2
        let base = (0..<count).map { pow(theta, -2 * Double($0) / Double(dimension)) }
        switch scaling {
        case .none: return base
        case .linear(let factor): return base.map { $0 / factor }
        case .dynamic(let factor, let original):
            guard case .length(let length) = variant else { return base }
            let stretch = factor * Double(length) / Double(original) - (factor - 1)
            let stretched = theta * pow(stretch, Double(dimension) / Double(dimension - 2))
            return (0..<count).map { pow(stretched, -2 * Double($0) / Double(dimension)) }
        case .llama3(let factor, let low, let high, let original):
            return base.map { RotaryConfiguration.llama3($0, factor: factor, low: low, high: high, original: Double(original)) }
        case .yarn(let factor, let original, let fast, let slow, _, let truncate):
            let (first, last) = yarnRamp(original: Double(original), betaFast: fast, betaSlow: slow, truncate: truncate)
            return base.enumerated().map { index, frequency in
                let interpolated = min(max((Double(index) - first) / (last - first), 0), 1)
                return frequency / factor * interpolated + frequency * (1 - interpolated)
            }
        case .longrope(let short, let long, _, _):
            return zip(base, variant == .long ? long : short).map { $0 / $1 }
        }
    }

    /// Wavelengths above original / low are stretched by the factor, those below original / high stay, and between the two
    /// the share of the unstretched frequency grows with the number of turns within `original` positions.
    private static func llama3(_ frequency: Double, factor: Double, low: Double, high: Double, original: Double) -> Double {
        let wavelength = 2 * Double.pi / frequency
        if wavelength < original / high { return frequency }
        if wavelength > original / low { return frequency / factor }
        let unstretched = (original / wavelength - low) / (high - low)
        return (1 - unstretched) * frequency / factor + unstretched * frequency
    }

    /// The indices i between which yarn goes from unstretched to stretched frequencies: where a column pair turns `betaFast`
    /// times, and `betaSlow` times, within `original` positions.
    private func yarnRamp(
        original: Double, betaFast: Double, betaSlow: Double, truncate: Bool
    ) -> (first: Double, last: Double) {
        func index(turns: Double) -> Double {
            Double(dimension) * log(original / (turns * 2 * Double.pi)) / (2 * log(theta))
        }
        var (first, last) = (index(turns: betaFast), index(turns: betaSlow))
        if truncate { (first, last) = (first.rounded(.down), last.rounded(.up)) }
        (first, last) = (max(first, 0), min(last, Double(dimension - 1)))
        // Transformers' distance for a ramp without a width.
        return (first, first == last ? last + 0.001 : last)
    }
}
