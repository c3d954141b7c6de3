import Files
import Foundation
import Hashing
import Settings
import Tensors

/// A Hugging Face folder: `config.json`, and weights in `model.safetensors` or in several files under an index.
///
/// Weights stay mapped, in their own type; opening reads headers only. Where a folder has both a single file and an
/// index the single file counts, as in Transformers.
public struct HuggingFaceCheckpoint: ParameterSource, Sendable {
    /// As it was given.
    public let folder: String
    public let configuration: ModelConfiguration
    /// `config.json`, byte for byte.
    public let configurationJSON: Data
    /// In the order of the index.
    public let files: [SafetensorsFile]

    private let fileOfTensor: [String: Int]

    /// - Throws: `Failure`: missing (no folder, no weights), damaged data, or configuration (a model that Tandem does
    ///   not compute), naming the file at fault.
    public init(folder: String) throws(Failure) {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) else {
            throw .missing(folder, "does not exist", remedy: "Give the folder of a Hugging Face checkpoint.")
        }
        guard isDirectory.boolValue else {
            throw .damaged(
                folder, "is a file, not the folder of a Hugging Face checkpoint",
                remedy: "Give the folder that holds config.json and model.safetensors.")
        }
        try RunPlace.refuse(asModel: folder)
        let configurationPath = folder + "/config.json"
        let bytes = try Storage.contents(of: configurationPath, limit: HuggingFaceConfiguration.byteLimit)
        configurationJSON = Data(bytes)
        configuration = try HuggingFaceConfiguration.parse(configurationJSON, origin: configurationPath)
        files = try HuggingFaceCheckpoint.openFiles(in: folder)
        self.folder = folder
        // A few thousand bytes, of which each can change the mathematics. Weights are compared where all of them are read.
        try FolderDigests(folder: folder)?.check(FileDigest(of: configurationPath), of: "config.json")
        fileOfTensor = Dictionary(
            uniqueKeysWithValues: files.enumerated().flatMap { index, file in file.tensors.map { ($0.name, index) } })
    }

    /// No two of the files hold the same tensor.
    private static func openFiles(in folder: String) throws(Failure) -> [SafetensorsFile] {
        let single = folder + "/model.safetensors"
        if FileManager.default.fileExists(atPath: single) { return [try SafetensorsFile(path: single)] }
        let indexPath = folder + "/" + HuggingFaceIndex.fileName
        guard FileManager.default.fileExists(atPath: indexPath) else {
            try refusePickles(in: folder)
            throw .missing(
                folder, "has neither model.safetensors nor \(HuggingFaceIndex.fileName)",
                remedy: "Save the checkpoint as safetensors; other formats are not read.")
        }
        let index = try HuggingFaceIndex(path: indexPath)
        var files: [SafetensorsFile] = []
        for name in index.files { files.append(try SafetensorsFile(path: folder + "/" + name)) }
        try index.check(against: Dictionary(uniqueKeysWithValues: zip(index.files, files)), path: indexPath)
        return files
    }

    /// Weights as pickles are programs that make weights: no reader of them exists here.
    private static func refusePickles(in folder: String) throws(Failure) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let beginnings = ["pytorch_model", "model", "consolidated"]
        let endings = [".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"]
        let pickle = names.sorted().first { name in
            beginnings.contains(where: name.hasPrefix) && endings.contains(where: name.hasSuffix)
        }
        guard let name = pickle else { return }
        throw .configuration(
            folder, "holds its weights as \(name.printable), a pickle, which can run any program when it is read",
            remedy: "Get the model as safetensors, or convert it where you trust it.")
    }

    /// What the headers say of every tensor, in the order of the files and their data.
    public var tensors: [SafetensorsTensor] { files.flatMap(\.tensors) }

    public var tensorNames: [String] { tensors.map(\.name) }

    /// Numbers stored, over all tensors.
    public var totalParameterCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

    /// The type of all weights; nil where the tensors differ or can't be computed with.
    public var elementType: ElementType? {
        guard let first = tensors.first?.type, tensors.allSatisfy({ $0.type == first }) else { return nil }
        return first.elementType
    }

    /// The types of the tensors for a person: `BF16`, or `BF16 (272 tensors), F32 (2)`.
    public var elementTypeSummary: String {
        let counts = Dictionary(grouping: tensors, by: \.type).mapValues(\.count)
            .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        guard counts.count > 1 else { return counts.first?.key.rawValue ?? "no tensors" }
        return counts.enumerated()
            .map { "\($1.key.rawValue) (\($1.value)\($0 == 0 ? " tensors" : ""))" }.joined(separator: ", ")
    }

    /// The whole tensor, `rowCount × columnCount`, a view of its file; one row may be stored as a vector.
    ///
    /// - Throws: `Failure` (damaged data) when it is missing, has another shape, or a type that can't be computed with.
    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        guard let index = fileOfTensor[name] else {
            throw .damaged(
                folder, "its weights have no tensor \(name.printable)",
                remedy: "Check that config.json belongs to these weights.")
        }
        return try files[index].matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }

    /// Refuses weights that the model would leave unused: a tensor outside `known` is a sign of another architecture.
    ///
    /// Spared are the rotary frequencies that old checkpoints carry (they follow from `rope_theta`), and
    /// `lm_head.weight` where the head is the embedding.
    ///
    /// - Throws: `Failure` (damaged data) naming the file and the tensors.
    public func checkNothingUnexpected(known: Set<String>) throws(Failure) {
        for file in files {
            let unexpected = file.tensors.map(\.name).filter { !known.contains($0) && !isHarmless($0) }
            guard let first = unexpected.first else { continue }
            let others = unexpected.count > 1 ? " (and \(unexpected.count - 1) more)" : ""
            throw .damaged(
                file.path,
                "tensor \(first.printable)\(others) belongs to no part of a \(configuration.family.rawValue) model",
                remedy: "Check that config.json belongs to these weights.")
        }
    }

    private func isHarmless(_ name: String) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || (configuration.tiedEmbeddings && name == "lm_head.weight")
    }
}
