import JSON
import Settings

/// A metadata value of a GGUF file. Whole numbers keep whether they are signed, but not their stored width.
enum GGUFValue: Equatable, Sendable {
    case unsigned(UInt64)
    case signed(Int64)
    case float32(Float)
    case float64(Double)
    case flag(Bool)
    case text(String)
    case list([GGUFValue])

    /// A whole number that fits `Int`.
    var integer: Int? {
        switch self {
        case .unsigned(let number): Int(exactly: number)
        case .signed(let number): Int(number)
        default: nil
        }
    }

    /// A number with or without a fraction. A float32 becomes the shortest decimal that rounds to it, because the writer had
    /// this decimal: 1e-5 and not 9.999999747378752e-06.
    var double: Double? {
        switch self {
        case .float32(let number): Double(number.description)
        case .float64(let number): number
        default: integer.map(Double.init)
        }
    }

    /// The value as text for an error of one line.
    var excerpt: String {
        switch self {
        case .unsigned(let number): "\(number)"
        case .signed(let number): "\(number)"
        case .float32(let number): "\(number)"
        case .float64(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .text(let text): JSONValue.text(text).excerpt
        case .list(let elements): "a list of \(elements.count)"
        }
    }
}

extension GGUFCursor {
    /// Reads the type and the value of the metadata key `key`.
    mutating func value(of key: String) throws(Failure) -> GGUFValue {
        let type = try valueType(of: key)
        guard type == .list else { return try value(type, of: key) }
        let elementType = try valueType(of: key)
        guard elementType != .list else {
            throw .configuration(
                path, "\(key.printable) is a list of lists, which is not implemented", remedy: "Use a GGUF file without it.")
        }
        let count = try count(of: "elements of \(key.printable)", minimumByteCount: elementType.minimumByteCount)
        var elements: [GGUFValue] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try value(elementType, of: key)) }
        return .list(elements)
    }

    private mutating func valueType(of key: String) throws(Failure) -> GGUFValueType {
        let number = try integer(UInt32.self, of: key.printable)
        guard let type = GGUFValueType(rawValue: number) else {
            throw .damagedFile(path, "\(key.printable) has value type \(number), which GGUF does not know")
        }
        return type
    }

    private mutating func value(_ type: GGUFValueType, of key: String) throws(Failure) -> GGUFValue {
        switch type {
        case .unsigned8: return .unsigned(UInt64(try integer(UInt8.self, of: key.printable)))
        case .signed8: return .signed(Int64(try integer(Int8.self, of: key.printable)))
        case .unsigned16: return .unsigned(UInt64(try integer(UInt16.self, of: key.printable)))
        case .signed16: return .signed(Int64(try integer(Int16.self, of: key.printable)))
        case .unsigned32: return .unsigned(UInt64(try integer(UInt32.self, of: key.printable)))
        case .signed32: return .signed(Int64(try integer(Int32.self, of: key.printable)))
        case .unsigned64: return .unsigned(try integer(UInt64.self, of: key.printable))
        case .signed64: return .signed(try integer(Int64.self, of: key.printable))
        case .float32: return .float32(Float(bitPattern: try integer(UInt32.self, of: key.printable)))
        case .float64: return .float64(Double(bitPattern: try integer(UInt64.self, of: key.printable)))
        case .text: return .text(try string(of: key.printable))
        case .flag:
            let byte = try integer(UInt8.self, of: key.printable)
            guard byte <= 1 else { throw .damagedFile(path, "\(key.printable) = \(byte) is neither true nor false") }
            return .flag(byte == 1)
        case .list: brokenInvariant("lists don't nest")
        }
    }
}
