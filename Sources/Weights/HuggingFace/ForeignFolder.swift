import Files
import Foundation
import JSON
import Settings
import Tensors

/// Folders that people take for a model's and that hold something else, or something more.
enum ForeignFolder {
    private static let adapterConfiguration = "adapter_config.json"
    private static let adapterWeights = ["adapter_model.safetensors", "adapter_model.bin"]

    /// Refuses an adapter, alone or beside a model, and formats of other programs, each by its name.
    ///
    /// - Throws: `Failure` (configuration) with the way to a folder that can be read.
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
                remedy: "Make a folder of it with tandem convert \(folder)/\(file.printable) FOLDER, and name that.")
        }
    }

    /// Transformers loads an adapter that lies beside a model: without it the model is another one.
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
            remedy: "To use the model alone move the adapter's files (adapter_…) out of the folder; else merge them, in Python "
                + "with \(merged).")
    }

    /// The model that an adapter was trained on, where its configuration tells.
    private static func base(of folder: String) -> String? {
        let path = "\(folder)/\(adapterConfiguration)"
        guard let bytes = try? Storage.contents(of: path, limit: HuggingFaceConfiguration.byteLimit),
            let name = (try? JSONValue(parsing: bytes))?["base_model_name_or_path"]?.text, !name.isEmpty
        else { return nil }
        return name.printable
    }
}
