/// The type of a reference's weights in memory.
public enum ReferenceStorage: String, CaseIterable, Sendable {
    /// The type of the file. The file is mapped into memory, and the ranks of a node share it.
    case file
    case float32
    case bfloat16
}
