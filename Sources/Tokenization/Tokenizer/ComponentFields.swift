import JSON
import Settings

/// The members of one object of `tokenizer.json`, read strictly: an unknown member is refused by name, so no option is ignored.
struct ComponentFields {
    /// File and path, for errors: `…/tokenizer.json: pre_tokenizer.pretokenizers[1]`.
    let place: String
    private let members: [JSONValue.Member]

    init(_ node: JSONValue, place: String) throws(Failure) {
        guard case .object(let members) = node else {
            throw .damagedTokenizer(place, "is \(node.kind), not an object")
        }
        self.members = members
        self.place = place
    }

    func place(of name: String) -> String { "\(place).\(name)" }

    /// The value of `name`; nil if it is missing.
    subscript(_ name: String) -> JSONValue? {
        members.first { $0.name.matches(name) }?.value
    }

    func required(_ name: String) throws(Failure) -> JSONValue {
        guard let value = self[name] else { throw .damagedTokenizer(place(of: name), "is missing") }
        return value
    }

    func string(_ name: String) throws(Failure) -> String {
        let value = try required(name)
        guard let string = value.text else {
            throw .damagedTokenizer(place(of: name), "is \(value.kind), not a text")
        }
        return string
    }

    /// A text that may be missing or null.
    func optionalString(_ name: String) throws(Failure) -> String? {
        guard let value = self[name], value != .null else { return nil }
        return try string(name)
    }

    func bool(_ name: String, default absent: Bool? = nil) throws(Failure) -> Bool {
        guard let value = self[name] else {
            if let absent { return absent }
            throw .damagedTokenizer(place(of: name), "is missing")
        }
        guard case .bool(let bool) = value else {
            throw .damagedTokenizer(place(of: name), "is \(value.kind), not true or false")
        }
        return bool
    }

    func list(_ name: String) throws(Failure) -> [JSONValue] {
        let value = try required(name)
        guard case .array(let elements) = value else {
            throw .damagedTokenizer(place(of: name), "is \(value.kind), not a list")
        }
        return elements
    }

    /// Refuses every member whose name is not one of `known`.
    func refuseAllBut(_ known: Set<String>) throws(Failure) {
        for member in members {
            let name = member.name.string
            guard known.contains(name) else { throw .unsupportedTokenizer(place(of: name), "is an unknown option") }
        }
    }

    /// Reads each object of a list, with its own place for errors.
    static func each(_ nodes: [JSONValue], place: String) throws(Failure) -> [ComponentFields] {
        var fields: [ComponentFields] = []
        for (index, node) in nodes.enumerated() {
            fields.append(try ComponentFields(node, place: "\(place)[\(index)]"))
        }
        return fields
    }
}

extension Failure {
    /// A tokenizer file that contradicts itself or its format.
    static func damagedTokenizer(_ place: String, _ reason: String) -> Failure {
        .damaged(place, reason, remedy: "Copy the file again from where the model was published.")
    }

    /// A part of a tokenizer that Tandem does not support.
    static func unsupportedTokenizer(_ place: String, _ reason: String) -> Failure {
        .configuration(
            place, reason,
            remedy: "Byte-level BPE tokenizers in the styles of GPT-2, SmolLM2, Qwen2 and Llama 3 are supported.")
    }
}
