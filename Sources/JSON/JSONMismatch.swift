import Settings

/// A JSON value is not what a type is read from.
public struct JSONMismatch: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where the value is: `files[2].bytes`; empty for the whole value.
    public let path: String
    /// Part of one line: `is a list, not a whole number`.
    public let reason: String

    public init(path: String = "", reason: String) {
        self.path = path
        self.reason = reason
    }

    init(_ expected: String, _ found: JSONValue) { self.init(reason: "is \(found.kind), not \(expected)") }

    /// The same mismatch, seen from the value that holds this one as `part`.
    func inside(_ part: String) -> JSONMismatch {
        let separator = path.isEmpty || path.hasPrefix("[") ? "" : "."
        return JSONMismatch(path: part.printable + separator + path, reason: reason)
    }

    public var description: String { path.isEmpty ? reason : "\(path) \(reason)" }
}
