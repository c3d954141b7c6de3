import Settings

/// The metadata of a GGUF file. Reading a value checks its type.
struct GGUFMetadata: Sendable {
    let path: String
    /// The keys in the order of the file.
    let keys: [String]
    private let values: [String: GGUFValue]

    /// Keys must differ.
    init(path: String, pairs: [(key: String, value: GGUFValue)]) {
        self.path = path
        keys = pairs.map(\.key)
        values = Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, $0.value) })
    }

    subscript(_ key: String) -> GGUFValue? { values[key] }

    /// The failure for a value of `key` that is missing or impossible.
    func damaged(_ key: String, _ reason: String) -> Failure {
        let shown = values[key].map { " = \($0.excerpt)" } ?? ""
        return .damagedFile(path, "\(key.printable)\(shown) \(reason)")
    }

    /// The failure for a value of `key` that asks for something that is not implemented.
    func unsupported(_ key: String, _ reason: String) -> Failure {
        let shown = values[key].map { " = \($0.excerpt)" } ?? ""
        return .configuration(path, "\(key.printable)\(shown) \(reason)", remedy: "Use a GGUF file without it.")
    }

    func text(_ key: String) throws(Failure) -> String? {
        guard let value = values[key] else { return nil }
        guard let text = value.text else { throw damaged(key, "must be a string") }
        return text
    }

    func requiredText(_ key: String) throws(Failure) -> String {
        guard let text = try text(key) else { throw damaged(key, "is missing") }
        return text
    }

    func flag(_ key: String, default fallback: Bool) throws(Failure) -> Bool {
        guard let value = values[key] else { return fallback }
        guard let flag = value.flag else { throw damaged(key, "must be true or false") }
        return flag
    }

    /// A whole number from 1 to 2³¹ − 1. Nil if the file does not have the key.
    func optionalSize(_ key: String) throws(Failure) -> Int? {
        guard var value = values[key] else { return nil }
        // Some writers store one number per layer. Equal numbers count as one.
        if let elements = value.elements, let first = elements.first {
            guard elements.allSatisfy({ $0 == first }) else {
                throw unsupported(key, "differs from layer to layer, which is not implemented")
            }
            value = first
        }
        guard let size = value.integer, size >= 1, size <= Int(Int32.max) else {
            throw damaged(key, "must be a whole number from 1 to \(Int32.max)")
        }
        return size
    }

    func size(_ key: String) throws(Failure) -> Int {
        guard let size = try optionalSize(key) else { throw damaged(key, "is missing") }
        return size
    }

    func positive(_ key: String, default fallback: Double? = nil) throws(Failure) -> Double {
        guard let value = values[key] else {
            guard let fallback else { throw damaged(key, "is missing") }
            return fallback
        }
        guard let number = value.double, number > 0, number.isFinite else {
            throw damaged(key, "must be a finite number above 0")
        }
        return number
    }

    func texts(_ key: String) throws(Failure) -> [String] {
        guard let elements = values[key]?.elements else {
            throw damaged(key, values[key] == nil ? "is missing" : "must be a list of strings")
        }
        let texts = elements.compactMap(\.text)
        guard texts.count == elements.count else { throw damaged(key, "must be a list of strings") }
        return texts
    }

    func integers(_ key: String) throws(Failure) -> [Int] {
        guard let elements = values[key]?.elements else {
            throw damaged(key, values[key] == nil ? "is missing" : "must be a list of whole numbers")
        }
        let integers = elements.compactMap(\.integer)
        guard integers.count == elements.count else { throw damaged(key, "must be a list of whole numbers") }
        return integers
    }
}
