/// The fields of an object, read by name into the types that are asked for.
public struct JSONFields {
    private let value: JSONValue

    /// - Throws: `JSONMismatch` where `value` is no object.
    public init(_ value: JSONValue) throws(JSONMismatch) {
        guard value.members != nil else { throw JSONMismatch("an object", value) }
        self.value = value
    }

    /// - Throws: `JSONMismatch` where the field is missing, or holds another type.
    public subscript<Value: JSONReadable>(name: String) -> Value {
        get throws(JSONMismatch) {
            guard let member = value[name] else {
                guard let missing = Value.ofMissingField else { throw JSONMismatch(path: name, reason: "is missing") }
                return missing
            }
            do throws(JSONMismatch) { return try Value(json: member) } catch { throw error.inside(name) }
        }
    }
}
