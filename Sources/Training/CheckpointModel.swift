import Checkpoints
import Files
import Foundation
import Hashing
import Model
import Runs
import Settings
import Stepping
import Tensors
import Weights

/// The model of a run's checkpoint, `RUN/checkpoints/step-N`, saved by any layout: its weights, its `config.json` and the
/// folder of its tokenizer. Weights are read a few rows at a time.
public struct CheckpointModel {
    public let path: String
    public let manifest: CheckpointManifest
    public let configuration: ModelConfiguration
    /// The folder with the model's tokenizer files; nil if the model has none.
    public let tokenizerFolder: String?

    private let configurationJSON: Data
    private var folder: CheckpointFolder { CheckpointFolder(path: path) }

    /// Reads the manifest and finds the model's files outside the checkpoint. Weights are not read yet.
    ///
    /// - Throws: `Failure`: damaged data; missing if the model's `config.json` or tokenizer can't be found.
    public init(_ path: String) throws(Failure) {
        self.path = path
        manifest = try CheckpointModel.advised { () throws(Failure) in try CheckpointFolder(path: path).manifest() }
        let files = ModelFiles(of: manifest, at: path)
        (configurationJSON, tokenizerFolder) = try files.find()
        configuration = try HuggingFaceConfiguration.parse(configurationJSON, origin: path)
        try checkParameters()
    }

    /// The conversion that writes the model's folder. Every byte of the checkpoint is verified first.
    ///
    /// - Throws: `Failure` (damaged data, or missing).
    public func conversion(elementType: ElementType) throws(Failure) -> CheckpointConversion {
        try CheckpointModel.advised { () throws(Failure) in try folder.verifyAll() }
        let specifications = ParameterTable(configuration).specifications
        let reader = StateReader(folder, manifest)
        return CheckpointConversion(
            of: path, tensors: specifications.map { .init(name: $0.name, elementType: elementType, shape: $0.shape) },
            configurationJSON: try HuggingFaceConfiguration.json(configurationJSON, withElementType: elementType, origin: path),
            tokenizerFolder: tokenizerFolder, protecting: [path]
        ) { (index, rows) throws(Failure) in
            let specification = specifications[index]
            let width = specification.columnCount
            let band = Matrix(rowCount: rows.count, columnCount: width)
            let whole = StateReader.Box(
                parameter: specification.name, shape: [specification.rowCount, width], rows: 0..<specification.rowCount,
                columns: 0..<width)
            try reader.read(
                "values", whole, floats: (rows.lowerBound * width)..<(rows.upperBound * width), tensor: 0, into: band.pointer)
            return band
        }
    }

    /// Checks that the checkpoint has exactly the model's parameters. Projections of hidden states may be there too: they
    /// train with the model but are not part of it.
    private func checkParameters() throws(Failure) {
        let remedy = "Check that the model's folder is the one that the run was begun with."
        var saved = Dictionary(manifest.blocks[0].parameters.map { ($0.name, $0.shape) }) { first, _ in first }
        for specification in ParameterTable(configuration).specifications {
            guard saved.removeValue(forKey: specification.name) == [specification.rowCount, specification.columnCount] else {
                throw .damaged(path, "has no \(specification.name) of the shape that the model's config.json asks for", remedy: remedy)
            }
        }
        guard let other = saved.keys.filter({ !$0.hasPrefix(StateMatcher.projectionPrefix) }).sorted().first else { return }
        throw .damaged(path, "has a parameter \(other.printable) that the model's config.json does not have", remedy: remedy)
    }

    /// Replaces the remedy of a damaged checkpoint, for commands that do not resume.
    private static func advised<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        do { return try body() } catch {
            throw Failure(
                error.place, error.reason, remedy: "Take another checkpoint: tandem inspect --verify RUN says which ones are whole.",
                exitCode: error.exitCode)
        }
    }
}

extension ModelOrigin {
    /// The description that a checkpoint keeps of the model.
    var savedDescription: CheckpointManifest.Model {
        .init(
            configuration: String(decoding: configurationJSON, as: UTF8.self),
            tokenizerFolder: tokenizerFolder.flatMap(realPath))
    }
}

/// Finds the files of a checkpoint's model: the files named in the checkpoint, else the files in the run's exports.
private struct ModelFiles {
    let manifest: CheckpointManifest
    let path: String

    init(of manifest: CheckpointManifest, at path: String) {
        self.manifest = manifest
        self.path = path
    }

    func find() throws(Failure) -> (configurationJSON: Data, tokenizerFolder: String?) {
        if let model = manifest.model {
            return (Data(model.configuration.utf8), try tokenizer(besides: model.tokenizerFolder))
        }
        let (json, folder) = try described()
        return (json, try tokenizer(besides: folder))
    }

    /// A checkpoint of an earlier version does not contain the model's `config.json` and folder: both are found through the
    /// settings.
    private func described() throws(Failure) -> (configurationJSON: Data, folder: String?) {
        let settings = try RunConfiguration(yaml: manifest.settings, file: "\(path)/manifest.json")
        let origin: ModelOrigin
        do throws(Failure) { origin = try ModelOrigin(settings.model, seed: manifest.seed, place: path) } catch {
            guard error.exitCode == .missingInput else { throw error }
            guard let export = exports.first, let json = FileManager.default.contents(atPath: "\(export)/config.json") else {
                throw .missing(
                    path, "was saved without its model's config.json, and its model can't be found (\(error.place): \(error.reason))",
                    remedy: "Put the model back, or start this command in the folder in which the run was started.")
            }
            return (json, nil)
        }
        let configurations = manifest.inputs.filter { $0.key.hasPrefix("model.") && $0.key.hasSuffix("checkpoint") }.flatMap(\.files)
        if let folder = origin.tokenizerFolder, let saved = configurations.first(where: { $0.name == "config.json" }) {
            try check(saved, in: folder)
        }
        return (origin.configurationJSON, origin.tokenizerFolder)
    }

    private func check(_ file: CheckpointManifest.File, in folder: String) throws(Failure) {
        let place = "\(folder)/\(file.name)"
        guard try FileDigest(of: place).sha256 != file.sha256 else { return }
        throw .damaged(
            place, "has changed since the run began, and \(path) belongs to that run", remedy: "Put the file back.")
    }

    /// The first folder with the tokenizer that the run began with; nil if the run had none.
    private func tokenizer(besides named: String?) throws(Failure) -> String? {
        let wanted = manifest.inputs.first { $0.key == "model.tokenizer" }?.files ?? []
        let folders = (named.map { [$0] } ?? []) + exports
        guard !wanted.isEmpty else { return folders.first { FileStatus($0)?.isFolder == true } }
        var changed: Failure?
        for folder in folders where wanted.allSatisfy({ FileStatus("\(folder)/\($0.name)") != nil }) {
            do throws(Failure) {
                for file in wanted { try check(file, in: folder) }
                return folder
            } catch { changed = changed ?? error }
        }
        if let changed { throw changed }
        let place = named.map { "in \($0)" } ?? "where the run had it"
        throw .missing(path, "the tokenizer of its model is not \(place) any more", remedy: "Put the folder back.")
    }

    /// Models that the run has exported, the newest first.
    private var exports: [String] {
        var run = realPath(path) ?? path
        for _ in 0..<3 where (run as NSString).lastPathComponent != "checkpoints" { run = folder(of: run) }
        guard (run as NSString).lastPathComponent == "checkpoints" else { return [] }
        run = folder(of: run)
        let steps = names(in: run).compactMap { $0.wholeMatch(of: /export-step-([0-9]+)/).flatMap { Int($0.1) } }.sorted()
        return (["export"] + steps.reversed().map { "export-step-\($0)" }).map { "\(run)/\($0)" }.filter {
            FileStatus("\($0)/config.json") != nil
        }
    }
}
