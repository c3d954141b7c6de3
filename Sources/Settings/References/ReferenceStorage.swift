/// How a reference's weights are kept in memory.
public enum ReferenceStorage: String, CaseIterable, Sendable {
    /// In the file's own type, mapped and shared by the ranks of a node.
    case file
    case float32
    case bfloat16
}
