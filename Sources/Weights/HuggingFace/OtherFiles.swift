/// How to treat files in a destination folder that are not a model's files.
public enum OtherFiles: Sendable {
    /// A folder with other files is not replaced.
    case refused
    /// Other files stay beside the new model. A new file replaces a file with the same name.
    case kept
}
