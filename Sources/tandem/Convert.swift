import ArgumentParser
import Files
import Foundation
import Model
import Reporting
import Settings
import Tensors
import Training
import Weights

extension ExportType: ExpressibleByArgument {}

struct Convert: OneProcessCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a Hugging Face folder from a GGUF file, a run, a checkpoint or another Hugging Face folder.",
        discussion: """
            GGUF files may have the architecture llama or qwen2, tensors in F32, F16, BF16, Q8_0, Q4_0 and Q4_1, and a byte-level \
            BPE tokenizer. The new folder gets the tokenizer and the chat template. A checkpoint, RUN/checkpoints/step-N, may have \
            been saved by any number of ranks. The new folder gets config.json and the tokenizer of the run's model.
            """)

    @Argument(
        help: "A GGUF file, a run's directory (its export is converted), a run's checkpoint, or a Hugging Face folder.",
        transform: expandedPath)
    var source: String

    @Argument(help: "The folder to write. In an existing folder only the files of a model are replaced.", transform: expandedPath)
    var destination: String

    @Option(help: "The type of the written weights.")
    var dtype: ExportType = .float32

    @Flag(help: "Write into a folder that also holds other files. They stay, unless a new file has the same name.")
    var overwrite = false

    private var elementType: ElementType {
        switch dtype {
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }

    private var others: OtherFiles { overwrite ? .kept : .refused }

    func run() throws {
        guard let status = FileStatus(source) else {
            throw Failure.missing(
                source, "does not exist", remedy: "Give a GGUF file, a run's directory or checkpoint, or a Hugging Face folder.")
        }
        try checkDestination()
        guard status.isFolder else { return try convertFile() }
        switch RunPlace(source) {
        case .checkpoint: try convertCheckpoint()
        case .run: try convertFolder(source + "/export")
        case .checkpoints, nil: try convertFolder(source)
        }
    }

    // MARK: Sources

    private func convertFile() throws(Failure) {
        let checkpoint = try GGUFCheckpoint(path: source)
        for name in checkpoint.furtherChatTemplates {
            try Console.write("note: the chat template \(name) is left out; only the default one is written")
        }
        try write(
            CheckpointConversion(checkpoint, elementType: elementType), family: checkpoint.configuration.family,
            tokenizer: checkpoint.tokenizerSummary)
    }

    private func convertFolder(_ folder: String) throws(Failure) {
        // For a run without an export, the error names the folder to convert instead.
        if folder != source, FileStatus(folder + "/config.json") == nil { try RunPlace.refuse(asModel: source) }
        let checkpoint = try HuggingFaceCheckpoint(folder: folder)
        let table = ParameterTable(checkpoint.configuration)
        for specification in table.specifications {
            _ = try checkpoint.matrix(
                named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount)
        }
        try checkpoint.checkNothingUnexpected(known: table.names)
        let hasTokenizer = FileManager.default.fileExists(atPath: folder + "/tokenizer.json")
        try write(
            CheckpointConversion(checkpoint, names: table.specifications.map(\.name), elementType: elementType),
            family: checkpoint.configuration.family, tokenizer: hasTokenizer ? "copied" : "none, as in \(folder)")
    }

    private func convertCheckpoint() throws(Failure) {
        let model = try CheckpointModel(source)
        // Checked before the checkpoint is verified, which takes a while. The tokenizer's folder is known already.
        try HuggingFaceExport.check(
            destination: destination, others: others, protecting: model.tokenizerFolder.map { [$0] } ?? [])
        let tokenizer = model.tokenizerFolder.flatMap { FileStatus($0 + "/tokenizer.json") == nil ? nil : "copied from \($0)" }
        try write(
            model.conversion(elementType: elementType), family: model.configuration.family,
            tokenizer: tokenizer ?? "none, as in the run's model")
    }

    private func write(
        _ conversion: CheckpointConversion, family: ModelFamily, tokenizer: String
    ) throws(Failure) {
        for notice in conversion.notices { try Console.write("note: \(notice)") }
        var line = ConversionProgressLine()
        try conversion.write(to: destination, others: others) { (progress) throws(Failure) in try line.show(progress) }
        let millions = String(format: "%.1f M", Double(conversion.elementCount) / 1e6)
        try Console.write("model       \(family.rawValue), \(millions) parameters in \(conversion.tensorCount) tensors")
        try Console.write("tokenizer   \(tokenizer)")
        try Console.write("written to  \(destination), as \(dtype.rawValue)")
    }

    // MARK: The destination

    /// Endings of file names. A folder with such a name would be mistaken for a file.
    private static let fileEndings = [
        "safetensors", "bin", "pt", "pth", "ckpt", "onnx", "h5", "hdf5", "npz", "json", "jsonl", "yaml", "yml", "zip", "tar", "gz", "tgz",
    ]

    private func checkDestination() throws(Failure) {
        // First, so that a destination which is also the source is reported as such, even if it has a file's name.
        try HuggingFaceExport.check(destination: destination, others: others, protecting: [source])
        let ending = (destination as NSString).pathExtension.lowercased()
        if ending == "gguf" {
            throw .configuration(
                destination, "is the name of a GGUF file, but Tandem only reads GGUF files and can't write them",
                remedy: "Name a destination folder. It gets the model in Hugging Face's format.")
        }
        if Convert.fileEndings.contains(ending) {
            throw .configuration(
                destination, "is the name of a file, but a model is written as a folder",
                remedy: "Name a destination folder. It gets config.json and model.safetensors.")
        }
    }
}

/// Shows a line with the time left every two seconds. A conversion of less than two seconds shows no line.
private struct ConversionProgressLine {
    private let started = Date()
    private var nextAt = Date().addingTimeInterval(2)

    mutating func show(_ progress: CheckpointConversion.Progress) throws(Failure) {
        guard Date() >= nextAt else { return }
        nextAt = Date().addingTimeInterval(2)
        let share = Double(progress.elementsWritten) / Double(max(progress.elementCount, 1))
        let left = Date().timeIntervalSince(started) * (1 - share) / share
        try Console.write(
            "wrote \(progress.tensorsWritten) of \(progress.tensorCount) tensors, \(Int(share * 100)) %, \(Int(left.rounded())) s left")
    }
}
