import JSON
import Settings

/// A family of checkpoints: how its `config.json` describes a model, and how its files hold the parameters.
///
/// The facts are those of `configuration_*.py` and `modeling_*.py` in Transformers 5.23.
protocol CheckpointFamily: Sendable {
    /// The names of a language model in `architectures`, the usual one first.
    var architectures: [String] { get }
    /// Fields that this family reads besides the fields of all families (`HuggingFaceConfiguration.readFields`).
    var fields: Set<String> { get }
    /// Further fields that must have one of these values, the usual one first. They come before the common ones.
    var fixedFields: [String: [JSONValue]] { get }
    /// Further fields that don't change the logits of this family.
    var harmlessFields: Set<String> { get }

    /// - Throws: `Failure`: damaged data for an impossible value, configuration for a value that is not implemented.
    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration

    /// How the files name and join the parameters.
    var tensorNames: TensorNames { get }
}

extension CheckpointFamily {
    var fields: Set<String> { [] }
    var fixedFields: [String: [JSONValue]] { [:] }
    var harmlessFields: Set<String> { [] }
    var tensorNames: TensorNames { TensorNames() }
}
