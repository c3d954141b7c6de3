import Settings
import Tensors

/// The policy's own weights, and additional weights that exist only in training.
package struct PolicySource: ParameterSource {
    let model: any ParameterSource
    /// Names of the model's own parameters.
    let names: Set<String>
    let additional: any ParameterSource

    package func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try (names.contains(name) ? model : additional).matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}
