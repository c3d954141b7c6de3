import Files
import Foundation
import JSON
import Settings
import Tensors

/// Folders that people mistake for a model's folder. They hold another kind of data, or a model with an adapter.
enum ForeignFolder {
    private static let adapterConfiguration = "adapter_config.json"
    private static let adapterWeights = ["adapter_model.safetensors", "adapter_model.bin"]

    /// Refuses an adapter, alone or beside a model, and formats of other programs. The error gives their names.
    ///
    /// - Throws: `Failure` (configuration). The remedy tells how to make a readable folder.
    static func check(_ folder: String) throws(Failure) {
        let names = Files.names(in: folder)
        if let file = ([adapterConfiguration] + adapterWeights).first(where: names.contains) {
            throw adapter(file, in: folder, names)
        }
        guard !names.contains("config.json") else { return }
        if names.contains("params.json"), let file = names.first(where: { $0.hasPrefix("consolidated.") }) {
            throw .configuration(
                folder, "holds a model in the format of its authors (params.json and \(file.printable)), which is not read",
                remedy: "Get it in Hugging Face's format, or convert it with Transformers.")
        }
        if let file = names.first(where: { $0.hasSuffix(".gguf") }) {
            throw .configuration(
                folder, "has no config.json, but a GGUF file, \(file.printable)",
                remedy: "Convert it with tandem convert \(folder)/\(file.printable) FOLDER, and name the new folder.")
        }
    }

    /// Transformers also loads an adapter that lies beside a model. Without the adapter the model gives other results.
    private static func adapter(_ file: String, in folder: String, _ names: [String]) -> Failure {
        let base = base(of: folder)
        let merged =
            "PeftModel.from_pretrained(BASE, \"\(folder)\").merge_and_unload().save_pretrained(\"MERGED\"), where BASE is that "
            + "model, and name MERGED"
        guard HuggingFaceCheckpoint.holdsWeights(names) else {
            return .configuration(
                folder, "is a PEFT adapter (\(file)), not a model: it changes \(base ?? "another model")",
                remedy: "Merge it into that model first, in Python with \(merged).")
        }
        return .configuration(
            folder,
            "holds a PEFT adapter (\(file)) beside a model\(base.map { ", of \($0)" } ?? ""): Transformers would compute both together",
            remedy: "To use the model alone, move the adapter's files (adapter_…) out of the folder. Otherwise merge them, in Python "
                + "with \(merged).")
    }

    /// The base model of an adapter. Nil if the adapter's configuration does not name it.
    private static func base(of folder: String) -> String? {
        let path = "\(folder)/\(adapterConfiguration)"
        guard let bytes = try? Storage.contents(of: path, limit: HuggingFaceConfiguration.byteLimit),
            let name = (try? JSONValue(parsing: bytes))?["base_model_name_or_path"]?.text, !name.isEmpty
        else { return nil }
        return name.printable
    }
}
