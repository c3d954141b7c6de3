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
                let (g, u, o) = (gate.row(row), up.row(row), output.row(row))
                forEachVector(gate.columnCount) { index, count in
                    let gateValue = load(g, index, count)
                    store(gateValue * sigmoid(gateValue) * load(u, index, count), o, index, count)
                }
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
                let (d, g, u) = (outputGradient.row(row), gate.row(row), up.row(row))
                let (dg, du) = (gateGradient.row(row), upGradient.row(row))
                forEachVector(gate.columnCount) { index, count in
                    let gradient = load(d, index, count)
                    let gateValue = load(g, index, count)
                    let upValue = load(u, index, count)
                    let gateSigmoid = sigmoid(gateValue)
                    store(gradient * gateValue * gateSigmoid, du, index, count)
                    let slope = gateSigmoid * (gateValue * (1 - gateSigmoid) + 1)
                    store(gradient * upValue * slope, dg, index, count)
                }
            }
        }
    }

    @inline(__always)
    private static func sigmoid(_ x: Float8) -> Float8 { 1 / (exponential(-x) + 1) }

    @inline(__always)
    private static func forEachVector(_ count: Int, _ body: (_ index: Int, _ lanes: Int) -> Void) {
        var index = 0
        while index + 8 <= count {
            body(index, 8)
            index += 8
        }
        if index < count { body(index, count - index) }
    }

    @inline(__always)
    private static func load(_ pointer: UnsafeMutablePointer<Float>, _ index: Int, _ lanes: Int) -> Float8 {
        lanes == 8 ? pointer.load8(index) : pointer.loadPartial(index, count: lanes, fill: 0)
    }

    @inline(__always)
    private static func store(_ value: Float8, _ pointer: UnsafeMutablePointer<Float>, _ index: Int, _ lanes: Int) {
        if lanes == 8 { pointer.store8(value, index) } else { pointer.storePartial(value, index, count: lanes) }
    }
}
