import Settings

/// A source of a model's weights, by Hugging Face name: a checkpoint on disk, or random initialisation.
public protocol ParameterSource {
    /// The full tensor, `rowCount × columnCount`; a vector is one row.
    ///
    /// - Throws: `Failure` (damaged data) when the tensor is missing or has another shape.
    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix
}
