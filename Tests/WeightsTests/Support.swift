import Foundation
import Settings
import Tensors
import TestSupport

/// A folder that vanishes with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("tandem-weights-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, its folder made on the way, and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    @discardableResult
    func write(_ name: String, text: String) throws -> String { try write(name, text.utf8) }

    func read(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    /// Names in the folder, hidden ones too.
    func names(_ inner: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + inner).sorted()
    }
}

/// Bytes of a safetensors file with a header as it is given, right or wrong.
func safetensors(_ header: String, data: [UInt8]) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

/// `"name":{…}` of a header.
func entry(_ name: String, _ type: String, _ shape: [Int], _ begin: Int, _ end: Int) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
}

extension StoredMatrix {
    var widened: [Float] {
        let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
        upcast(into: matrix)
        return matrix.values
    }
}

/// The fields of a small llama `config.json`, as JSON texts; `changes` are put over them, nil removes a field.
func configuration(_ changes: [String: String?] = [:]) -> String {
    var fields: [String: String?] = [
        "model_type": "\"llama\"", "hidden_size": "8", "intermediate_size": "12", "num_hidden_layers": "1",
        "num_attention_heads": "4", "num_key_value_heads": "2", "vocab_size": "10", "rms_norm_eps": "1e-05",
        "tie_word_embeddings": "true",
    ]
    fields.merge(changes) { $1 }
    let members = fields.compactMap { name, value in value.map { "\"\(name)\": \($0)" } }
    return "{" + members.sorted().joined(separator: ", ") + "}"
}
