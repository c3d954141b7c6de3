/// A type that is read from JSON.
public protocol JSONReadable {
    /// - Throws: `JSONMismatch` if `json` is not such a value.
    init(json: JSONValue) throws(JSONMismatch)
    /// The value of a field that is missing; nil if the field is required.
    static var ofMissingField: Self? { get }
}

extension JSONReadable {
    public static var ofMissingField: Self? { nil }
}
