import Settings
import Tensors

// T tokens, F feed-forward columns.

/// The activation of a feed-forward layer without a gate.
public struct PointwiseActivation: Sendable {
    private static let rowLimit = 32

    private let activation: FeedForwardConfiguration.Activation

    public init(_ activation: FeedForwardConfiguration.Activation) {
        self.activation = activation
    }

    /// `output[T, F] = activation(input)`. The output may overwrite `input`.
    public func forward(_ input: Matrix, into output: Matrix, workers: Workers) {
        let tiles = Tiles(input.rowCount, limit: PointwiseActivation.rowLimit)
        let count = input.columnCount
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (input, output) = (input.row(row), output.row(row))
                switch activation {
                case .silu: PointwiseActivation.forwardRow(SiLU.self, input, into: output, count: count)
                case .gelu: PointwiseActivation.forwardRow(GELU.self, input, into: output, count: count)
                case .geluTanh: PointwiseActivation.forwardRow(TanhGELU.self, input, into: output, count: count)
                case .clampedSiLU: PointwiseActivation.missGate()
                }
            }
        }
    }

    /// `inputGradient[T, F] = outputGradient · activation′(input)`. It may overwrite `input` or `outputGradient`.
    public func backward(_ outputGradient: Matrix, input: Matrix, into inputGradient: Matrix, workers: Workers) {
        let tiles = Tiles(input.rowCount, limit: PointwiseActivation.rowLimit)
        let count = input.columnCount
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (gradient, input, result) = (outputGradient.row(row), input.row(row), inputGradient.row(row))
                switch activation {
                case .silu: PointwiseActivation.backwardRow(SiLU.self, gradient, input, into: result, count: count)
                case .gelu: PointwiseActivation.backwardRow(GELU.self, gradient, input, into: result, count: count)
                case .geluTanh: PointwiseActivation.backwardRow(TanhGELU.self, gradient, input, into: result, count: count)
                case .clampedSiLU: PointwiseActivation.missGate()
                }
            }
        }
    }

    private static func missGate() -> Never { brokenInvariant("the clamped SiLU belongs to a layer with a gate") }

    @inline(__always)
    private static func forwardRow<Function: ActivationFunction>(
        _ function: Function.Type, _ input: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            let x = input.load8(index)
            output.store8(x * Function.portion(x), index)
            index &+= 8
        }
        guard index < count else { return }
        let x = input.loadPartial(index, count: count - index, fill: 0)
        output.storePartial(x * Function.portion(x), index, count: count - index)
    }

    @inline(__always)
    private static func backwardRow<Function: ActivationFunction>(
        _ function: Function.Type, _ gradient: UnsafeMutablePointer<Float>, _ input: UnsafeMutablePointer<Float>,
        into result: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            result.store8(gradient.load8(index) * Function.portionAndSlope(input.load8(index)).slope, index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let slope = Function.portionAndSlope(input.loadPartial(index, count: rest, fill: 0)).slope
        result.storePartial(gradient.loadPartial(index, count: rest, fill: 0) * slope, index, count: rest)
    }
}
