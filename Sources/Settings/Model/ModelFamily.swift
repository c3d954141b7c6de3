/// The supported model architectures.
public enum ModelFamily: String, Sendable {
    case llama
    case qwen2
}
