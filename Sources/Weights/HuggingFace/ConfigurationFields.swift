import JSON
import Settings

/// The fields of a configuration. Reading a field checks its type. `null` counts as absent.
struct ConfigurationFields {
    let origin: String
    let object: JSONValue
    /// Key path of `object`, with a dot at its end.
    var prefix = ""

    func value(_ name: String) -> JSONValue? {
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    /// The failure for a value of `name` that is missing or impossible.
    func damaged(_ name: String, _ reason: String) -> Failure {
        let shown = value(name).map { " = \($0.excerpt)" } ?? ""
        return .damaged(origin, "\(prefix)\(name)\(shown) \(reason)", remedy: "Correct config.json or download it again.")
    }

    func unknown(_ member: JSONValue.Member) -> Failure {
        .configuration(
            origin,
            "unknown field \(prefix)\(member.name.string.printable) = \(member.value.excerpt): it may change the mathematics",
            remedy: "Remove the field if it does not, or use a checkpoint without it.")
    }

    /// Refuses a value that is not in `values`, the implemented values. The first one is the usual value.
    func require(_ member: JSONValue.Member, oneOf values: [JSONValue]) throws(Failure) {
        guard !values.contains(where: { $0.means(member.value) }) else { return }
        throw unsupported(member.name.string, only: values[0].compact)
    }

    /// The failure for a value of `name` that is not implemented.
    func unsupported(_ name: String, only wanted: String) -> Failure {
        .configuration(
            origin, "\(prefix)\(name) = \(object[name]?.excerpt ?? "null") is not implemented, only \(wanted)",
            remedy: "Use a checkpoint without it.")
    }

    /// A whole number from 1 to 2³¹ − 1.
    func size(_ name: String, default fallback: Int? = nil) throws(Failure) -> Int {
        guard let value = value(name) else {
            guard let fallback else { throw damaged(name, "is missing") }
            return fallback
        }
        guard let size = value.wholeNumber, size >= 1, size <= Int(Int32.max) else {
            throw damaged(name, "must be a whole number from 1 to \(Int32.max)")
        }
        return size
    }

    func optionalPositive(_ name: String) throws(Failure) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.double, number > 0, number.isFinite else {
            throw damaged(name, "must be a finite number above 0")
        }
        // Kernels compute with it in single precision: it must be neither infinite nor 0 there.
        guard Float(number).isFinite, Float(number) > 0 else {
            throw damaged(name, "must lie within single precision, about 1e-45 to 3e38")
        }
        return number
    }

    func positive(_ name: String, default fallback: Double? = nil) throws(Failure) -> Double {
        guard let number = try optionalPositive(name) ?? fallback else { throw damaged(name, "is missing") }
        return number
    }

    func flag(_ name: String, default fallback: Bool) throws(Failure) -> Bool {
        guard let value = value(name) else { return fallback }
        guard case .bool(let flag) = value else { throw damaged(name, "must be true or false") }
        return flag
    }
}
