import Tensors

// T tokens, F feed-forward columns.

/// The gated activation of Llama's feed-forward layer (SwiGLU, Shazeer, arXiv:2002.05202): silu(gate) · up.
public enum GatedActivation {
    private static let rowLimit = 32

    /// `output[T, F] = gate · sigmoid(gate) · up`
    public static func forward(gate: Matrix, up: Matrix, into output: Matrix, workers: Workers) {
        let tiles = Tiles(gate.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                forwardRow(gate.row(row), up.row(row), into: output.row(row), count: gate.columnCount)
            }
        }
    }

    /// From `outputGradient[T, F]`: `upGradient = d·silu(gate)`, `gateGradient = d·up·σ(gate)·(1 + gate·(1 − σ(gate)))`.
    ///
    /// The gradients may overwrite `gate` and `up`.
    public static func backward(
        _ outputGradient: Matrix, gate: Matrix, up: Matrix, gateGradient: Matrix, upGradient: Matrix, workers: Workers
    ) {
        let tiles = Tiles(gate.rowCount, limit: rowLimit)
        workers.run(tiles.tileCount) { tile, _ in
            for row in tiles[tile] {
                backwardRow(
                    outputGradient.row(row), gate.row(row), up.row(row), gateGradient: gateGradient.row(row),
                    upGradient: upGradient.row(row), count: gate.columnCount)
            }
        }
    }

    private static func forwardRow(
        _ gate: UnsafeMutablePointer<Float>, _ up: UnsafeMutablePointer<Float>,
        into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            output.store8(activated(gate.load8(index), up.load8(index)), index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let last = activated(gate.loadPartial(index, count: rest, fill: 0), up.loadPartial(index, count: rest, fill: 0))
        output.storePartial(last, index, count: rest)
    }

    private static func backwardRow(
        _ outputGradient: UnsafeMutablePointer<Float>, _ gate: UnsafeMutablePointer<Float>, _ up: UnsafeMutablePointer<Float>,
        gateGradient: UnsafeMutablePointer<Float>, upGradient: UnsafeMutablePointer<Float>, count: Int
    ) {
        var index = 0
        while index &+ 8 <= count {
            let (ofGate, ofUp) = gradients(outputGradient.load8(index), gate.load8(index), up.load8(index))
            gateGradient.store8(ofGate, index)
            upGradient.store8(ofUp, index)
            index &+= 8
        }
        guard index < count else { return }
        let rest = count - index
        let (ofGate, ofUp) = gradients(
            outputGradient.loadPartial(index, count: rest, fill: 0), gate.loadPartial(index, count: rest, fill: 0),
            up.loadPartial(index, count: rest, fill: 0))
        gateGradient.storePartial(ofGate, index, count: rest)
        upGradient.storePartial(ofUp, index, count: rest)
    }

    @inline(__always)
    private static func activated(_ gate: Float8, _ up: Float8) -> Float8 { gate * sigmoid(gate) * up }

    @inline(__always)
    private static func gradients(_ gradient: Float8, _ gate: Float8, _ up: Float8) -> (gate: Float8, up: Float8) {
        let sigmoid = sigmoid(gate)
        let slope = sigmoid * (gate * (1 - sigmoid) + 1)
        return (gradient * up * slope, gradient * gate * sigmoid)
    }

    @inline(__always)
    private static func sigmoid(_ x: Float8) -> Float8 { 1 / (exponential(-x) + 1) }
}
