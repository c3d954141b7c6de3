import Foundation
import Settings
import Tensors
import Weights

/// Random initial projections, N(0, 1 / columns): on average they keep the length of a state.
struct RandomProjections: ParameterSource {
    let seed: UInt64

    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try RandomParameters(seed: seed, standardDeviation: 1 / Double(columnCount).squareRoot())
            .matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}
