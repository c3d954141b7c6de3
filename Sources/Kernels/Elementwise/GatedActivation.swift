import Settings
import Tensors

// T tokens, F feed-forward columns.

/// The activation of a feed-forward layer with a gate (Shazeer, arXiv:2002.05202): activation(gate) · up.
public struct GatedActivation: Sendable {
    private static let rowLimit = 32

    private let activation: FeedForwardConfiguration.Activation

    public init(_ activation: FeedForwardConfiguration.Activation) {
        self.activation = activation
    }

    /// `output[T, F] = activation(gate) · up`. The output may overwrite `gate` or `up`.
    public func forward(gate: Matrix, up: Matrix, into output: Matrix, workers: Workers) {
        let tiles = Tiles(gate.rowCount, limit: GatedActivation.rowLimit)
        let count = gate.columnCount
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (gate, up, output) = (gate.row(row), up.row(row), output.row(row))
                switch activation {
                case .silu: GatedActivation.forwardRow(SiLU.self, gate, up, into: output, count: count)
                case .gelu: GatedActivation.forwardRow(GELU.self, gate, up, into: output, count: count)
                case .geluTanh: GatedActivation.forwardRow(TanhGELU.self, gate, up, into: output, count: count)
                }
            }
        }
    }

    /// From `outputGradient[T, F]`: `upGradient = d·activation(gate)`, `gateGradient = d·up·activation′(gate)`.
    ///
    /// The gradients may overwrite `gate` and `up`.
    public func backward(
        _ outputGradient: Matrix, gate: Matrix, up: Matrix, gateGradient: Matrix, upGradient: Matrix, workers: Workers
    ) {
        let tiles = Tiles(gate.rowCount, limit: GatedActivation.rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let rows = BackwardRows(
                    outputGradient: outputGradient.row(row), gate: gate.row(row), up: up.row(row),
                    gateGradient: gateGradient.row(row), upGradient: upGradient.row(row), count: gate.columnCount)
                switch activation {
                case .silu: GatedActivation.backward(SiLU.self, rows)
                case .gelu: GatedActivation.backward(GELU.self, rows)
                case .geluTanh: GatedActivation.backward(TanhGELU.self, rows)
                }
            }
        }
    }

    /// One row of each matrix of backward.
    private struct BackwardRows {
        let outputGradient, gate, up, gateGradient, upGradient: UnsafeMutablePointer<Float>
        let count: Int
    }

    @inline(__always)
    private static func forwardRow<Function: ActivationFunction>(
        _ function: Function.Type, _ gate: UnsafeMutablePointer<Float>, _ up: UnsafeMutablePointer<Float>,
        into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            output.store8(activated(function, gate.load8(index), up.load8(index)), index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let last = activated(
            function, gate.loadPartial(index, count: rest, fill: 0), up.loadPartial(index, count: rest, fill: 0))
        output.storePartial(last, index, count: rest)
    }

    @inline(__always)
    private static func backward<Function: ActivationFunction>(_ function: Function.Type, _ rows: BackwardRows) {
        let (gate, up, outputGradient) = (rows.gate, rows.up, rows.outputGradient)
        var index = 0
        while index &+ 8 <= rows.count {
            let (ofGate, ofUp) = gradients(function, outputGradient.load8(index), gate.load8(index), up.load8(index))
            rows.gateGradient.store8(ofGate, index)
            rows.upGradient.store8(ofUp, index)
            index &+= 8
        }
        guard index < rows.count else { return }
        let rest = rows.count - index
        let (ofGate, ofUp) = gradients(
            function, outputGradient.loadPartial(index, count: rest, fill: 0), gate.loadPartial(index, count: rest, fill: 0),
            up.loadPartial(index, count: rest, fill: 0))
        rows.gateGradient.storePartial(ofGate, index, count: rest)
        rows.upGradient.storePartial(ofUp, index, count: rest)
    }

    @inline(__always)
    private static func activated<Function: ActivationFunction>(
        _ function: Function.Type, _ gate: Float8, _ up: Float8
    ) -> Float8 {
        gate * Function.portion(gate) * up
    }

    @inline(__always)
    private static func gradients<Function: ActivationFunction>(
        _ function: Function.Type, _ gradient: Float8, _ gate: Float8, _ up: Float8
    ) -> (gate: Float8, up: Float8) {
        let (portion, slope) = Function.portionAndSlope(gate)
        return (gradient * up * slope, gradient * gate * portion)
    }
}
