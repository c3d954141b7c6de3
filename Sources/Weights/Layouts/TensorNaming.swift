/// What the names of tensors mean that are given to an export.
public enum TensorNaming: Sendable {
    /// Parameters of the model, by the names of its parameter table.
    case parameters
    /// Tensors as the files of the model's family hold them.
    case files
}
