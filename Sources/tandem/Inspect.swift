import ArgumentParser
import Datasets
import Foundation
import Reporting
import Settings
import Training
import Weights

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Says what a checkpoint, dataset or run holds.")

    @Argument(help: "A Hugging Face folder, a .safetensors file, a dataset (.h5), or a run's directory.")
    var path: String

    @Flag(help: "Also read and check everything that it holds.")
    var verify = false

    func run() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure.missing(path, "does not exist", remedy: "Check the path.")
        }
        if !isFolder.boolValue {
            if path.hasSuffix(".safetensors") { try showTensors(SafetensorsFile(path: path).tensors) } else { try showDataset() }
        } else if FileManager.default.fileExists(atPath: path + "/status.json") {
            try showRun()
        } else {
            try showCheckpoint()
        }
    }

    private func showCheckpoint() throws {
        let checkpoint = try HuggingFaceCheckpoint(folder: path)
        let model = checkpoint.configuration
        try show([
            ("family", model.family.rawValue),
            ("parameters", "\(checkpoint.totalParameterCount)"),
            ("types", checkpoint.elementTypeSummary),
            ("vocabulary", "\(model.vocabularySize)\(model.tiedEmbeddings ? ", head tied to the embedding" : "")"),
            ("width", "\(model.hiddenSize), feed-forward \(model.feedForwardSize)"),
            ("layers", "\(model.layerCount)"),
            ("heads", "\(model.headCount) in \(model.keyValueHeadCount) key/value groups of \(model.headDimension)"),
            ("positions", "\(model.maximumPositions), rope theta \(model.ropeTheta)"),
        ])
        try showTensors(checkpoint.tensors)
        if verify {
            _ = try ModelOrigin(checkpoint: path)
            try Console.write("every tensor of the architecture is there, in its shape")
        }
    }

    private func showTensors(_ tensors: [SafetensorsTensor]) throws(Failure) {
        let width = tensors.map(\.name.count).max() ?? 0
        try Console.write("tensors")
        for tensor in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            try Console.write(
                "  " + tensor.name.padding(toLength: width, withPad: " ", startingAt: 0) + "  \(tensor.type.rawValue)  \(shape)")
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
        if verify {
            try dataset.verify()
            try Console.write("every chunk was read and its checksum holds")
        }
    }

    private func showRun() throws {
        let status = try json("status.json")
        try show([
            ("state", status["state"] as? String ?? "unknown"),
            ("step", "\(status["step"] as? Int ?? 0)"),
            ("reason", status["reason"] as? String ?? "none"),
        ])
        let metrics = (try? String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8)) ?? ""
        let steps = metrics.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        for (label, entry) in [
            ("first", steps.first { $0["eval"] == nil }), ("last", steps.last { $0["eval"] == nil }),
            ("evaluated", steps.last { $0["eval"] != nil }),
        ] {
            guard let entry else { continue }
            let names = ["step", "loss", "grad_norm", "rewards/margins", "rewards/accuracies", "eval_loss", "eval_rewards/margins"]
            let figures = names.compactMap { name in entry[name].map { "\(name) \($0)" } }
            try show([(label, figures.joined(separator: ", "))])
        }
        if FileManager.default.fileExists(atPath: path + "/export/config.json") { try show([("model", path + "/export")]) }
    }

    private func json(_ name: String) throws -> [String: Any] {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)"),
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        else {
            throw Failure.damaged("\(path)/\(name)", "is not a JSON object", remedy: "The run's folder is damaged.")
        }
        return object
    }

    private func show(_ entries: [(String, String)]) throws(Failure) {
        for (label, value) in entries {
            try Console.write(label.padding(toLength: 12, withPad: " ", startingAt: 0) + value)
        }
    }
}
