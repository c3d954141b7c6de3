import Foundation

/// A safetensors file taken apart, so that a test can spoil one thing and write it again.
struct SafetensorsEditing {
    var header: [String: Any]
    var data: Data

    init(_ file: Data) throws {
        let length = file.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        header = try JSONSerialization.jsonObject(with: file[8..<(8 + length)]) as! [String: Any]
        data = Data(file[(8 + length)...])
    }

    var file: Data {
        get throws {
            let text = try JSONSerialization.data(withJSONObject: header)
            return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data
        }
    }

    mutating func setShape(_ shape: [Int], of name: String) {
        var entry = header[name] as! [String: Any]
        entry["shape"] = shape
        header[name] = entry
    }

    /// Moves the tensor that lies last out of the file, so that no gap is left.
    mutating func removeLast() -> String {
        let ends = header.compactMapValues { ($0 as? [String: Any])?["data_offsets"] as? [Int] }
        let last = ends.max { $0.value[1] < $1.value[1] }!
        header[last.key] = nil
        data = data.prefix(last.value[0])
        return last.key
    }

    mutating func append(_ name: String) {
        header[name] = ["dtype": "F32", "shape": [1], "data_offsets": [data.count, data.count + 4]]
        data += Data(count: 4)
    }
}

extension Workspace {
    /// Spoils a safetensors file in place.
    func edit(_ name: String, _ change: (inout SafetensorsEditing) -> Void) throws {
        var editing = try SafetensorsEditing(bytes(name))
        change(&editing)
        try write(try editing.file, to: name)
    }

    /// Changes fields of a JSON object in place; nil removes one.
    func edit(json name: String, _ fields: [String: Any?]) throws {
        var object = try json(name)
        for (key, value) in fields { object[key] = value }
        try write(try JSONSerialization.data(withJSONObject: object), to: name)
    }
}
