import Settings
import Tensors

/// The policy's own weights, and those that only its training has.
package struct PolicySource: ParameterSource {
    let model: any ParameterSource
    /// Of the model's own.
    let names: Set<String>
    let additional: any ParameterSource

    package func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try (names.contains(name) ? model : additional).matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}
