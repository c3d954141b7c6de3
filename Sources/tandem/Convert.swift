import ArgumentParser
import Foundation
import Model
import Reporting
import Settings
import Tensors
import Weights

extension ExportType: ExpressibleByArgument {}

struct Convert: OneProcessCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a Hugging Face folder of a GGUF file, of a run's model or of another such folder.",
        discussion: """
            Of GGUF files the architectures llama and qwen2 are read, with tensors in F32, F16, BF16, Q8_0, Q4_0 and Q4_1 \
            and a byte-level BPE tokenizer, which is written out with the chat template.
            """)

    @Argument(help: "A GGUF file, a run's directory (its export is taken), or a Hugging Face folder.")
    var source: String

    @Argument(help: "The folder to write. One that holds a config.json is replaced.")
    var destination: String

    @Option(help: "The type of the written weights.")
    var dtype: ExportType = .float32

    private var elementType: ElementType {
        switch dtype {
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }

    func run() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source, isDirectory: &isFolder) else {
            throw Failure.missing(source, "does not exist", remedy: "Give a GGUF file, a run's directory or a Hugging Face folder.")
        }
        if isFolder.boolValue { try convertFolder() } else { try convertFile() }
    }

    private func convertFile() throws(Failure) {
        let checkpoint = try GGUFCheckpoint(path: source)
        for name in checkpoint.furtherChatTemplates {
            try Console.write("note: the chat template \(name) is left out; only the default one is written")
        }
        try write(
            CheckpointConversion(checkpoint, elementType: elementType), family: checkpoint.configuration.family,
            tokenizer: checkpoint.tokenizerSummary)
    }

    private func convertFolder() throws(Failure) {
        let isRun = FileManager.default.fileExists(atPath: source + "/status.json")
        let folder = isRun ? source + "/export" : source
        if isRun && !FileManager.default.fileExists(atPath: folder + "/config.json") {
            throw .missing(
                source, "is a run that has exported no model yet", remedy: "Let it finish, or go on with tandem train --resume.")
        }
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

    private func write(
        _ conversion: CheckpointConversion, family: ModelFamily, tokenizer: String
    ) throws(Failure) {
        for notice in conversion.notices { try Console.write("note: \(notice)") }
        var line = ConversionProgressLine()
        try conversion.write(to: destination) { (progress) throws(Failure) in try line.show(progress) }
        let millions = String(format: "%.1f M", Double(conversion.elementCount) / 1e6)
        try Console.write("model       \(family.rawValue), \(millions) parameters in \(conversion.tensorCount) tensors")
        try Console.write("tokenizer   \(tokenizer)")
        try Console.write("written to  \(destination), as \(dtype.rawValue)")
    }
}

/// A line every two seconds of a long conversion, with the time left; a short one shows none.
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
