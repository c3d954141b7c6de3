/// A type that is written as JSON.
public protocol JSONWritable {
    var json: JSONValue { get }
    /// Whether a field of this value is left out.
    var isLeftOut: Bool { get }
}

extension JSONWritable {
    public var isLeftOut: Bool { false }
}
