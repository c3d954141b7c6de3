import Files
import Foundation
import Hashing
import Settings
import Tensors

/// A Hugging Face folder: `config.json`, and weights in `model.safetensors` or in several files with an index.
///
/// Weights stay mapped, in their own type. Opening a folder reads only the headers. If a tied head is stored beside the
/// embedding, opening also compares both up to the first difference. If a folder has both a single file and an index, the
/// single file counts, as in Transformers.
public struct HuggingFaceCheckpoint: ParameterSource, Sendable {
    /// The path as it was given.
    public let folder: String
    /// The content of `config.json`. If it ties the head but the stored head differs from the embedding, the head is not tied
    /// here.
    public let configuration: ModelConfiguration
    /// `config.json`, byte for byte. If the stored head differs from the embedding, with `tie_word_embeddings: false`.
    public let configurationJSON: Data
    /// The weight files in the order of the index.
    public let files: [SafetensorsFile]
    /// Notices for a person about how the folder is read.
    public let notices: [String]

    let fileOfTensor: [String: Int]
    let layout: ModelLayout
    /// How a tied head is stored. Nil if `config.json` does not tie the head.
    let storedHead: StoredHead?

    /// - Throws: `Failure`: missing (no folder, no weights), damaged data, or configuration (a model that Tandem does not
    ///   implement), naming the wrong file.
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
        try ForeignFolder.check(folder)
        let configurationPath = folder + "/config.json"
        let json = Data(try Storage.contents(of: configurationPath, limit: HuggingFaceConfiguration.byteLimit))
        let stated = try HuggingFaceConfiguration.parse(json, origin: configurationPath)
        let files = try HuggingFaceCheckpoint.openFiles(in: folder)
        // `config.json` is short, and each byte can change the mathematics. Weights are compared only where all of them are
        // read.
        try FolderDigests(folder: folder)?.check(FileDigest(of: configurationPath), of: "config.json")
        let fileOfTensor = Dictionary(
            uniqueKeysWithValues: files.enumerated().flatMap { index, file in file.tensors.map { ($0.name, index) } })
        let layout = ModelLayout(stated)
        func stored(_ parameter: String) -> String? {
            layout.spellings(of: layout.tensorNames(of: parameter)[0]).first { fileOfTensor[$0] != nil }
        }
        let head: StoredHead? =
            !stated.tiedEmbeddings
            ? nil
            : try StoredHead(
                embedding: stored(StoredHead.embeddingName), head: stored(StoredHead.headName)
            ) { name throws(Failure) in
                try files[fileOfTensor[name]!].matrix(
                    named: name, rowCount: stated.vocabularySize, columnCount: stated.hiddenSize)
            }
        self.folder = folder
        self.files = files
        self.fileOfTensor = fileOfTensor
        self.layout = layout
        storedHead = head
        var notices = try HuggingFaceConfiguration.notices(json, origin: configurationPath)
        var configuration = stated
        if head == .own {
            configuration.tiedEmbeddings = false
            notices.append(
                "\(configurationPath) ties the head to the embedding, but \(StoredHead.headName) holds other values: the stored "
                    + "head is used, and a written config.json says tie_word_embeddings: false")
        }
        self.notices = notices
        self.configuration = configuration
        configurationJSON =
            head == .own
            ? try HuggingFaceConfiguration.json(json, tyingEmbeddings: false, origin: configurationPath) : json
    }

    /// Whether one of these files holds a model's weights, in a readable format or not.
    static func holdsWeights(_ names: [String]) -> Bool {
        names.contains("model.safetensors") || names.contains(HuggingFaceIndex.fileName) || names.contains(where: isPickle)
    }

    /// Opens the weight files. No two of them hold the same tensor.
    private static func openFiles(in folder: String) throws(Failure) -> [SafetensorsFile] {
        let single = folder + "/model.safetensors"
        if FileManager.default.fileExists(atPath: single) { return [try SafetensorsFile(path: single)] }
        let indexPath = folder + "/" + HuggingFaceIndex.fileName
        guard FileManager.default.fileExists(atPath: indexPath) else {
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
            try refusePickles(in: folder, names)
            let others = names.filter { $0.hasSuffix(".safetensors") }
            throw .missing(
                folder,
                "has neither model.safetensors nor \(HuggingFaceIndex.fileName)"
                    + (others.first.map { ", only \($0.printable)\(others.count > 1 ? " and \(others.count - 1) more" : "")" } ?? ""),
                remedy: "Save the checkpoint as safetensors. Other formats and names are not read.")
        }
        let index = try HuggingFaceIndex(path: indexPath)
        var files: [SafetensorsFile] = []
        for name in index.files { files.append(try SafetensorsFile(path: folder + "/" + name)) }
        try index.check(against: Dictionary(uniqueKeysWithValues: zip(index.files, files)), path: indexPath)
        return files
    }

    /// Refuses pickles. A pickle is a program that can run anything when it is read, so Tandem has no reader for pickles.
    private static func refusePickles(in folder: String, _ names: [String]) throws(Failure) {
        guard let name = names.first(where: isPickle) else { return }
        throw .configuration(
            folder, "holds its weights as \(name.printable), a pickle, which can run any program when it is read",
            remedy: "Get the model as safetensors. If you trust the file, convert it to safetensors.")
    }

    private static func isPickle(_ name: String) -> Bool {
        ["pytorch_model", "model", "consolidated"].contains(where: name.hasPrefix)
            && [".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"].contains(where: name.hasSuffix)
    }

    /// The header entries of all tensors, in the order of the files and their data.
    public var tensors: [SafetensorsTensor] { files.flatMap(\.tensors) }

    public var tensorNames: [String] { tensors.map(\.name) }

    /// The count of stored numbers over all tensors.
    public var totalParameterCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

    /// The type of all weights. Nil if the types differ or are not supported.
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
}
