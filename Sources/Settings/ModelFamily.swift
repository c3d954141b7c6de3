/// The architectures that Tandem computes.
public enum ModelFamily: String, Sendable {
    case llama
    case qwen2
}
