/// What becomes of files in a destination that are not a model's.
public enum OtherFiles: Sendable {
    /// They are in the way: the folder is not replaced.
    case refused
    /// They stay beside the new model; one of the same name as a new file makes way for it.
    case kept
}
