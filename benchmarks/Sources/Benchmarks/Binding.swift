import JSON

/// The ranks, their threads, and how they were started.
public struct Binding: Sendable {
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    /// The words of the launcher's command line.
    public var launcher: String
}

extension Binding: JSONWritable {
    public var json: JSONValue { .fields(["ranks": ranks, "tensor": tensor, "threads": threads, "launcher": launcher]) }
}
