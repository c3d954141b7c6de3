import Foundation
import Settings
import Tensors
import Weights

/// Projections start at random, N(0, 1 / columns): they keep a state's length on average.
struct RandomProjections: ParameterSource {
    let seed: UInt64

    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try RandomParameters(seed: seed, standardDeviation: 1 / Double(columnCount).squareRoot())
            .matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}
