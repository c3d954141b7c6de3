import Settings

/// Where a model's weights come from, by their Hugging Face names: a checkpoint on disk, or random initialisation.
public protocol ParameterSource {
    /// The whole tensor, `rowCount × columnCount`; a vector is one row.
    ///
    /// - Throws: `Failure` (damaged data) when the tensor is missing or has another shape.
    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix
}
