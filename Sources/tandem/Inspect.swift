import ArgumentParser
import Datasets
import Foundation
import Reporting
import Runs
import Settings
import Weights

struct Inspect: OneProcessCommand {
    static let configuration = CommandConfiguration(abstract: "Shows what a checkpoint, GGUF file, dataset or run holds.")

    @Argument(
        help: "A Hugging Face folder, a .safetensors or .gguf file, a dataset (.h5), a run's directory, or one of its checkpoints or dumps.",
        transform: expandedPath)
    var path: String

    @Flag(help: "Also read and check everything in it.")
    var verify = false

    func run() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure.missing(path, "does not exist", remedy: "Check the path.")
        }
        if !isFolder.boolValue {
            if path.hasSuffix(".safetensors") {
                let file = try SafetensorsFile(path: path)
                try showTensors(file.tensors)
                if verify {
                    try file.checkNumbers()
                    try sayNumbers()
                }
            } else if path.hasSuffix(".gguf") {
                try showGGUF()
            } else {
                try showDataset()
            }
        } else if StepDump.isDump(path) {
            for line in try DumpTable(folder: path).lines { try Console.write(line) }
        } else if FileManager.default.fileExists(atPath: path + "/status.json") {
            try showRun()
        } else if Inspect.isSavedState(path) {
            try showSavedState()
        } else {
            try showCheckpoint()
        }
    }

    private func showCheckpoint() throws {
        let checkpoint = try HuggingFaceCheckpoint(folder: path)
        try showModel(
            checkpoint.configuration, parameters: checkpoint.totalParameterCount, types: checkpoint.elementTypeSummary)
        for notice in checkpoint.notices { try Console.write("note: \(notice)") }
        try showTensors(checkpoint.tensors)
        if verify {
            _ = try ModelOrigin(checkpoint: path)
            try Console.write("every tensor of the architecture is there, in the right shape")
            if let digests = try FolderDigests(folder: path) {
                try digests.verify()
                try Console.write("every file in \(FolderDigests.fileName) holds the bytes that were written")
            }
            try checkpoint.checkNumbers()
            try sayNumbers()
        }
    }

    private func sayNumbers() throws(Failure) { try Console.write("every value is a finite number") }

    private func showModel(_ model: ModelConfiguration, parameters: Int, types: String) throws(Failure) {
        try show([
            ("family", model.family.rawValue),
            ("parameters", "\(parameters)"),
            ("types", types),
            ("vocabulary", "\(model.vocabularySize)\(model.tiedEmbeddings ? ", head tied to the embedding" : "")"),
            ("width", "\(model.hiddenSize), feed-forward \(model.feedForwardSize)"),
            ("layers", "\(model.layerCount)"),
            ("heads", "\(model.headCount) in \(model.keyValueHeadCount) key/value groups of \(model.headDimension)"),
            ("positions", "\(model.maximumPositions), rope theta \(model.ropeTheta.map { "\($0)" } ?? "none")"),
        ])
    }

    /// Shows also a file that can't be converted, with the reason. With `--verify` such a file is a failure.
    private func showGGUF() throws {
        let file = try GGUFFile(path: path)
        let checkpoint = Result { () throws(Failure) in try GGUFCheckpoint(file) }
        if verify { _ = try checkpoint.get() }
        try show([("name", file.title ?? "none given")])
        switch checkpoint {
        case .success(let checkpoint):
            try showModel(checkpoint.configuration, parameters: file.totalParameterCount, types: file.elementTypeSummary)
            try show([("tokenizer", checkpoint.tokenizerSummary)])
        case .failure(let failure):
            try show([
                ("family", file.architecture ?? "none given"),
                ("parameters", "\(file.totalParameterCount)"),
                ("types", file.elementTypeSummary),
                ("unreadable", failure.reason),
            ])
        }
        try listTensors(file.tensors.map { ($0.name, $0.type.name, $0.shape) })
        guard verify else { return }
        try Console.write("every tensor of the architecture is there, in the right shape and a readable type")
        try checkpoint.get().checkNumbers()
        try sayNumbers()
    }

    private func showTensors(_ tensors: [SafetensorsTensor]) throws(Failure) {
        try listTensors(tensors.map { ($0.name, $0.type.rawValue, $0.shape) })
    }

    private func listTensors(_ tensors: [(name: String, type: String, shape: [Int])]) throws(Failure) {
        let width = tensors.map(\.name.count).max() ?? 0
        try Console.write("tensors")
        for tensor in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            try Console.write(
                "  " + tensor.name.filled(to: width) + "  \(tensor.type)  \(shape)")
        }
    }

    private func showDataset() throws {
        let dataset = try DatasetFile(path: path)
        let lengths = (0..<dataset.recordCount).map { dataset.positionCount(of: $0) }.sorted()
        try show([
            ("kind", dataset.kind.rawValue),
            ("records", "\(dataset.recordCount)"),
            ("tokens", "\(dataset.tokenCount)"),
            ("ids", "\(dataset.tokenRange.lowerBound) to \(dataset.tokenRange.upperBound)"),
            ("lengths", "\(lengths.first ?? 0) to \(lengths.last ?? 0), median \(lengths[(lengths.count - 1) / 2])"),
        ])
        if let tokenizer = dataset.tokenizer { try show([("tokenizer", tokenizer.short)]) }
        if verify {
            try dataset.verify()
            try Console.write("every chunk was read and its checksum is right")
        }
    }

    private func showRun() throws {
        try show(RunStateTable(directory: path).entries)
        if FileManager.default.fileExists(atPath: path + "/export/config.json") { try show([("model", path + "/export")]) }
        for line in RunTable(metricsFile: path + "/metrics.jsonl").lines { try Console.write(line) }
        try showSavedStates(ofRun: path)
    }

    func show(_ entries: [(String, String)]) throws(Failure) {
        for (label, value) in entries {
            try Console.write(label.filled(to: 12) + value)
        }
    }
}
