/// A type with a form in JSON. Types with fields write and read them by name:
///
/// ```swift
/// extension Point: JSONRepresentable {
///     var json: JSONValue { .fields(["x": x, "y": y, "label": label]) }
///     init(json: JSONValue) throws(JSONMismatch) {
///         let fields = try JSONFields(json)
///         self.init(x: try fields["x"], y: try fields["y"], label: try fields["label"])
///     }
/// }
/// ```
///
/// An optional field that is nil is not written, and a field that is missing or null reads as nil.
public typealias JSONRepresentable = JSONWritable & JSONReadable

extension JSONValue {
    /// An object with these fields, in this order.
    public static func fields(_ fields: KeyValuePairs<String, any JSONWritable>) -> JSONValue {
        .object(fields.compactMap { $1.isLeftOut ? nil : Member(name: JSONString($0), value: $1.json) })
    }

    /// Reads a value of the type that is asked for.
    public func decoded<Value: JSONReadable>(as type: Value.Type = Value.self) throws(JSONMismatch) -> Value {
        try Value(json: self)
    }
}

extension JSONValue: JSONRepresentable {
    public var json: JSONValue { self }
    public init(json: JSONValue) { self = json }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    public var json: JSONValue { self?.json ?? .null }
    public var isLeftOut: Bool { self == nil }
}

extension Optional: JSONReadable where Wrapped: JSONReadable {
    public init(json: JSONValue) throws(JSONMismatch) { self = json == .null ? nil : try Wrapped(json: json) }
    public static var ofMissingField: Wrapped?? { .some(nil) }
}

extension Bool: JSONRepresentable {
    public var json: JSONValue { .bool(self) }

    public init(json: JSONValue) throws(JSONMismatch) {
        guard case .bool(let value) = json else { throw JSONMismatch("true or false", json) }
        self = value
    }
}

extension String: JSONRepresentable {
    public var json: JSONValue { .text(self) }

    public init(json: JSONValue) throws(JSONMismatch) {
        guard let text = json.text else { throw JSONMismatch("a text", json) }
        self = text
    }
}

extension JSONWritable where Self: FixedWidthInteger {
    public var json: JSONValue { Int(exactly: self).map(JSONValue.integer) ?? .otherNumber(description) }
}

extension JSONReadable where Self: FixedWidthInteger {
    public init(json: JSONValue) throws(JSONMismatch) {
        let value: Self? =
            switch json {
            case .integer(let number): Self(exactly: number)
            case .otherNumber(let text): Self(text) ?? Double(text).flatMap { Self(exactly: $0) }
            default: nil
            }
        guard let value else { throw JSONMismatch("a whole number", json) }
        self = value
    }
}

extension Int: JSONRepresentable {}
extension Int32: JSONRepresentable {}
extension UInt64: JSONRepresentable {}

extension Double: JSONRepresentable {
    /// The shortest text that reads back to the same bits; null for a value that is not finite, which JSON can't hold.
    public var json: JSONValue {
        guard isFinite else { return .null }
        // Zero has a sign, which `Int` lacks.
        let isWhole = self == rounded() && abs(self) < 1e15 && (self != 0 || sign == .plus)
        return isWhole ? .integer(Int(self)) : .otherNumber(description)
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        guard let value = json.double, value.isFinite else { throw JSONMismatch("a number", json) }
        self = value
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    public var json: JSONValue { .array(map(\.json)) }
}

extension Array: JSONReadable where Element: JSONReadable {
    public init(json: JSONValue) throws(JSONMismatch) {
        guard let elements = json.elements else { throw JSONMismatch("a list", json) }
        self = []
        reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do throws(JSONMismatch) { append(try Element(json: element)) } catch { throw error.inside("[\(index)]") }
        }
    }
}

extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
    /// In the order of the names.
    public var json: JSONValue {
        .object(sorted { $0.key < $1.key }.map { JSONValue.Member(name: JSONString($0.key), value: $0.value.json) })
    }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
    public init(json: JSONValue) throws(JSONMismatch) {
        guard let members = json.members else { throw JSONMismatch("an object", json) }
        self = [:]
        for member in members {
            let name = member.name.string
            do throws(JSONMismatch) { self[name] = try Value(json: member.value) } catch { throw error.inside(name) }
        }
    }
}

extension JSONWritable where Self: RawRepresentable, RawValue: JSONWritable {
    public var json: JSONValue { rawValue.json }
}

extension JSONReadable where Self: RawRepresentable, RawValue: JSONReadable {
    public init(json: JSONValue) throws(JSONMismatch) {
        guard let value = Self(rawValue: try RawValue(json: json)) else { throw JSONMismatch("one of the known values", json) }
        self = value
    }
}
