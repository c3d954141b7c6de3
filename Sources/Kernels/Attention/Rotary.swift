import Settings
import Tensors

// T tokens, H heads, E head dimension, d columns of a head that turn.

/// Rotary position embedding (Su et al., arXiv:2104.09864): the first d columns of a head turn in pairs, pair i by the angle
/// position · frequency i.
///
/// The angles of some scalings depend on the length of a token's sequence. `forward` and `backward` then need the lengths, and
/// `prepare` must have seen them.
public struct Rotary: Sendable {
    public let configuration: RotaryConfiguration
    private let headDimension: Int
    private var usual: RotaryTable
    /// Angles of sequences longer than `configuration.lengthLimit`.
    private var longer: [RotaryConfiguration.Variant: RotaryTable] = [:]

    /// Angles of the positions below `positionCount`, for sequences up to `configuration.lengthLimit` if there is one.
    public init(_ configuration: RotaryConfiguration, headDimension: Int, positionCount: Int) {
        invariant(
            configuration.dimension % 2 == 0 && (0...headDimension).contains(configuration.dimension),
            "the columns that turn are pairs of a head's columns")
        self.configuration = configuration
        self.headDimension = headDimension
        usual = Rotary.table(configuration, .usual, 0..<positionCount)
    }

    public var positionCount: Int { usual.positions.count }

    private static func table(
        _ configuration: RotaryConfiguration, _ variant: RotaryConfiguration.Variant, _ positions: Range<Int>
    ) -> RotaryTable {
        RotaryTable(
            frequencies: configuration.frequencies(variant), factor: configuration.attentionFactor, positions: positions)
    }

    // MARK: Tables

    /// Makes the angles that `forward` and `backward` need for these tokens.
    ///
    /// - Parameters:
    ///   - positions: `[T]`.
    ///   - lengths: `[T]` the length of each token's sequence; nil only if `configuration.lengthLimit` is nil.
    public mutating func prepare(positions: [Int32], lengths: [Int32]? = nil) {
        let needed = Int(positions.max() ?? -1) + 1
        if needed > positionCount {
            usual = Rotary.table(configuration, .usual, 0..<max(needed, 2 * positionCount))
        }
        guard let limit = configuration.lengthLimit, let lengths else { return }
        var spans: [RotaryConfiguration.Variant: Range<Int>] = [:]
        for (position, length) in zip(positions, lengths) where Int(length) > limit {
            let (variant, position) = (configuration.variant(length: Int(length)), Int(position))
            let span = spans[variant] ?? position..<position
            spans[variant] = min(span.lowerBound, position)..<max(span.upperBound, position + 1)
        }
        // The angles of one length are rarely of use again, so only those of these tokens are kept.
        longer = longer.filter { $0.key == .long || spans[$0.key] != nil }
        for (variant, span) in spans where longer[variant].map({ !$0.covers(span) }) ?? true {
            let positions = variant == .long ? 0..<max(span.upperBound, 2 * (longer[variant]?.positions.count ?? 0)) : span
            longer[variant] = Rotary.table(configuration, variant, positions)
        }
    }

    private func table(length: Int32?) -> RotaryTable {
        guard let length, let limit = configuration.lengthLimit, Int(length) > limit else { return usual }
        guard let table = longer[configuration.variant(length: Int(length))] else {
            brokenInvariant("the angles of a long sequence are prepared")
        }
        return table
    }

    // MARK: Turning

    /// Turns every head of `heads[T, H·E]` in place.
    public func forward(_ heads: Matrix, positions: [Int32], lengths: [Int32]? = nil, workers: Workers) {
        rotate(heads, positions: positions, lengths: lengths, direction: 1, workers: workers)
    }

    /// Turns gradients back: a rotation's transpose is its inverse. A factor of cosines and sines is a factor of the transpose
    /// too.
    public func backward(_ gradient: Matrix, positions: [Int32], lengths: [Int32]? = nil, workers: Workers) {
        rotate(gradient, positions: positions, lengths: lengths, direction: -1, workers: workers)
    }

    private func rotate(_ heads: Matrix, positions: [Int32], lengths: [Int32]?, direction: Float, workers: Workers) {
        invariant(
            positions.count == heads.rowCount && heads.columnCount % headDimension == 0, "each row of heads has its position")
        invariant(
            lengths.map { $0.count == positions.count } ?? (configuration.lengthLimit == nil),
            "angles that depend on the length of a sequence get each token's length")
        let half = configuration.dimension / 2
        let tiles = Tiles(heads.rowCount, limit: 64)
        workers.run(tiles.tileCount) { tile, _ in
            for token in tiles[tile] {
                let (cosine, sine) = table(length: lengths?[token]).row(Int(positions[token]))
                var head = heads.row(token)
                let end = head + heads.columnCount
                while head < end {
                    switch configuration.pairing {
                    case .halves: rotateHalves(head, half, cosine, sine, direction: direction)
                    case .neighbours: rotateNeighbours(head, half, cosine, sine, direction: direction)
                    }
                    head += headDimension
                }
            }
        }
    }

    /// Column i turns with column i + d/2.
    @inline(__always)
    private func rotateHalves(
        _ head: UnsafeMutablePointer<Float>, _ half: Int, _ cosine: UnsafeMutablePointer<Float>,
        _ sine: UnsafeMutablePointer<Float>, direction: Float
    ) {
        var index = 0
        while index + 8 <= half {
            let first = head.load8(index)
            let second = head.load8(index + half)
            let c = cosine.load8(index)
            let s = sine.load8(index) * direction
            head.store8(first * c - second * s, index)
            head.store8(second * c + first * s, index + half)
            index += 8
        }
        while index < half {
            let (first, second) = (head[index], head[index + half])
            let (c, s) = (cosine[index], sine[index] * direction)
            head[index] = first * c - second * s
            head[index + half] = second * c + first * s
            index += 1
        }
    }

    /// Column 2i turns with column 2i + 1.
    @inline(__always)
    private func rotateNeighbours(
        _ head: UnsafeMutablePointer<Float>, _ half: Int, _ cosine: UnsafeMutablePointer<Float>,
        _ sine: UnsafeMutablePointer<Float>, direction: Float
    ) {
        var index = 0
        while index + 8 <= half {
            let columns = SIMD16<Float>(lowHalf: head.load8(2 * index), highHalf: head.load8(2 * index + 8))
            let first: Float8 = columns.evenHalf
            let second: Float8 = columns.oddHalf
            let c = cosine.load8(index)
            let s = sine.load8(index) * direction
            var turned = SIMD16<Float>()
            turned.evenHalf = first * c - second * s
            turned.oddHalf = second * c + first * s
            head.store8(turned.lowHalf, 2 * index)
            head.store8(turned.highHalf, 2 * index + 8)
            index += 8
        }
        while index < half {
            let (first, second) = (head[2 * index], head[2 * index + 1])
            let (c, s) = (cosine[index], sine[index] * direction)
            head[2 * index] = first * c - second * s
            head[2 * index + 1] = second * c + first * s
            index += 1
        }
    }
}
