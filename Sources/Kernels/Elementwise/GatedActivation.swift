import Settings
import Tensors

// T tokens, F feed-forward columns.

/// The activation of a feed-forward layer with a gate (Shazeer, arXiv:2002.05202): activation(gate) · up, or
/// `ClampedSiLU` of both.
public struct GatedActivation: Sendable {
    private static let rowLimit = 32

    private let activation: FeedForwardConfiguration.Activation

    public init(_ activation: FeedForwardConfiguration.Activation) {
        if case .clampedSiLU(let limit, _) = activation {
            invariant(limit > 0, "the limit of a clamped activation is above 0")
        }
        self.activation = activation
    }

    /// `output[T, F] = activation(gate) · up`, or `ClampedSiLU.output`. The output may overwrite `gate` or `up`.
    public func forward(gate: Matrix, up: Matrix, into output: Matrix, workers: Workers) {
        let tiles = Tiles(gate.rowCount, limit: GatedActivation.rowLimit)
        let count = gate.columnCount
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                let (gate, up, output) = (gate.row(row), up.row(row), output.row(row))
                switch activation {
                case .silu: GatedActivation.forwardRow(GatedProduct<SiLU>(), gate, up, into: output, count: count)
                case .gelu: GatedActivation.forwardRow(GatedProduct<GELU>(), gate, up, into: output, count: count)
                case .geluTanh: GatedActivation.forwardRow(GatedProduct<TanhGELU>(), gate, up, into: output, count: count)
                case .clampedSiLU(let limit, let slope):
                    let function = ClampedSiLU(limit: limit, slope: slope)
                    GatedActivation.forwardRow(function, gate, up, into: output, count: count)
                }
            }
        }
    }

    /// From `outputGradient[T, F]`: `upGradient = d·activation(gate)`, `gateGradient = d·up·activation′(gate)`;
    /// with a clamped activation `ClampedSiLU.gradients`.
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
                case .silu: GatedActivation.backward(GatedProduct<SiLU>(), rows)
                case .gelu: GatedActivation.backward(GatedProduct<GELU>(), rows)
                case .geluTanh: GatedActivation.backward(GatedProduct<TanhGELU>(), rows)
                case .clampedSiLU(let limit, let slope):
                    GatedActivation.backward(ClampedSiLU(limit: limit, slope: slope), rows)
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
    private static func forwardRow<Function: GatedFunction>(
        _ function: Function, _ gate: UnsafeMutablePointer<Float>, _ up: UnsafeMutablePointer<Float>,
        into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            output.store8(function.output(gate: gate.load8(index), up: up.load8(index)), index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let last = function.output(
            gate: gate.loadPartial(index, count: rest, fill: 0), up: up.loadPartial(index, count: rest, fill: 0))
        output.storePartial(last, index, count: rest)
    }

    @inline(__always)
    private static func backward<Function: GatedFunction>(_ function: Function, _ rows: BackwardRows) {
        let (gate, up, outputGradient) = (rows.gate, rows.up, rows.outputGradient)
        var index = 0
        while index &+ 8 <= rows.count {
            let (ofGate, ofUp) = function.gradients(
                outputGradient.load8(index), gate: gate.load8(index), up: up.load8(index))
            rows.gateGradient.store8(ofGate, index)
            rows.upGradient.store8(ofUp, index)
            index &+= 8
        }
        guard index < rows.count else { return }
        let rest = rows.count - index
        let (ofGate, ofUp) = function.gradients(
            outputGradient.loadPartial(index, count: rest, fill: 0), gate: gate.loadPartial(index, count: rest, fill: 0),
            up: up.loadPartial(index, count: rest, fill: 0))
        rows.gateGradient.storePartial(ofGate, index, count: rest)
        rows.upGradient.storePartial(ofUp, index, count: rest)
    }
}
