import JSON
import Settings
import Tensors

/// `model.safetensors.index.json`: the file of each tensor in a folder.
struct HuggingFaceIndex {
    static let fileName = "model.safetensors.index.json"

    /// Tensor name → file name, in the index's order.
    let entries: [(tensor: String, file: String)]

    /// - Throws: `Failure` (damaged data) if the file is no index or names a file outside its folder.
    init(path: String) throws(Failure) {
        let bytes = try Storage.contents(of: path, limit: SafetensorsHeader.byteLimit)
        guard let map = try JSONValue(bytes, place: path)["weight_map"]?.members, !map.isEmpty else {
            throw .damagedFile(path, "has no weight_map of tensor names to files")
        }
        var entries: [(tensor: String, file: String)] = []
        var names: Set<String> = []
        for member in map {
            let name = member.name.string
            // The JSON parser has compared the names by their bytes. `String` also counts Unicode-equivalent names as equal.
            guard names.insert(name).inserted else {
                throw .damagedFile(path, "weight_map: the name \"\(name.printable)\" occurs twice")
            }
            guard let file = member.value.text else {
                throw .damagedFile(
                    path, "weight_map: \(name.printable) = \(member.value.excerpt) is not a file name")
            }
            guard HuggingFaceIndex.isPlain(file) else {
                throw .damaged(
                    path,
                    "weight_map: \(name.printable) is in \"\(file.printable)\", which is not the plain name of a "
                        + ".safetensors file",
                    remedy: "Keep the weight files in the checkpoint's own folder. Check where this index comes from.")
            }
            entries.append((name, file))
        }
        self.entries = entries
    }

    /// The file names in the order of their first entry.
    var files: [String] {
        var seen: Set<String> = []
        return entries.map(\.file).filter { seen.insert($0).inserted }
    }

    /// Whether `name` is a plain name of a file directly in the folder.
    private static func isPlain(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".")
            && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.properties.generalCategory == .control }
    }

    /// Refuses files that contradict the index: each tensor must lie in the file that the index names, and in no other file.
    func check(against files: [String: SafetensorsFile], path: String) throws(Failure) {
        for entry in entries where files[entry.file]?.tensor(named: entry.tensor) == nil {
            throw .damagedFile(
                path, "names \(entry.file) for tensor \(entry.tensor.printable), but the file does not hold this tensor")
        }
        let listed = Dictionary(uniqueKeysWithValues: entries.map { ($0.tensor, $0.file) })
        for name in self.files {
            for tensor in files[name]?.tensors ?? [] where listed[tensor.name] != name {
                if let other = listed[tensor.name] {
                    throw .damagedFile(path, "tensor \(tensor.name.printable) is in both \(other) and \(name)")
                }
                throw .damagedFile(path, "does not list tensor \(tensor.name.printable), which \(name) holds")
            }
        }
    }
}
