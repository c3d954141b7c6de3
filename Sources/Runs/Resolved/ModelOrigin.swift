import Files
import Foundation
import Model
import Settings
import Tensors
import Weights

/// The origin of a model: its configuration, its weights, and the files that an export copies.
public struct ModelOrigin {
    /// The model's name in messages.
    public let name: String
    public let configuration: ModelConfiguration
    public let source: any ParameterSource
    /// The checkpoint's folder; nil for a model initialised at random.
    public let folder: String?
    /// The folder from which an export copies tokenizer files: the checkpoint's folder, or `model.tokenizer`.
    public let tokenizerFolder: String?
    /// `config.json` as an export writes it, except for the weights' type.
    package let configurationJSON: Data
    /// Notes for the user on how the checkpoint is read.
    public let notices: [String]

    /// Opens a Hugging Face folder. Of the weights it reads only headers, and the data that show whether the head is tied.
    /// Every tensor of the architecture is checked, and an unknown tensor is refused.
    public init(checkpoint folder: String) throws(Failure) {
        let checkpoint = try HuggingFaceCheckpoint(folder: folder)
        self.folder = folder
        tokenizerFolder = folder
        name = folder
        configuration = checkpoint.configuration
        source = checkpoint
        configurationJSON = checkpoint.configurationJSON
        notices = checkpoint.notices
        let table = ParameterTable(configuration)
        for specification in table.specifications {
            _ = try checkpoint.matrix(
                named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount)
        }
        try checkpoint.checkNothingUnexpected(known: table.names)
    }

    /// - Parameter seed: seed of the random initialisation.
    public init(_ model: ModelSource, seed: UInt64, place: String) throws(Failure) {
        switch model {
        case .checkpoint(let folder): try self.init(checkpoint: folder)
        case .layers(let layers, let folder): try self.init(layers: layers, of: folder, place: place)
        case .random(.inline(let json), let tokenizer):
            try self.init(
                randomFrom: Data(json.utf8), origin: "\(place): model.config", tokenizer: tokenizer, seed: seed)
        case .random(.file(let path), let tokenizer):
            guard let json = FileManager.default.contents(atPath: path) else {
                throw .missing(path, "can't be read", remedy: "Point model.config of \(place) at a config.json.")
            }
            try self.init(randomFrom: json, origin: path, tokenizer: tokenizer, seed: seed)
        }
    }

    private init(randomFrom json: Data, origin: String, tokenizer: String?, seed: UInt64) throws(Failure) {
        if let tokenizer { try ModelOrigin.checkTokenizerFolder(tokenizer) }
        folder = nil
        tokenizerFolder = tokenizer
        name = origin
        configuration = try HuggingFaceConfiguration.parse(json, origin: origin)
        source = RandomParameters(configuration: configuration, seed: seed)
        configurationJSON = try HuggingFaceConfiguration.json(ofRandom: configuration, from: json, origin: origin)
        notices = []
    }

    /// Refuses a `model.tokenizer` folder without a tokenizer file to copy.
    private static func checkTokenizerFolder(_ folder: String) throws(Failure) {
        let files = HuggingFaceExport.copiedFiles
        guard !files.contains(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }) else { return }
        try RunPlace.refuse(asModel: folder)
        throw .missing(folder, "holds no tokenizer", remedy: "Point model.tokenizer at a folder with a tokenizer.json.")
    }

    package func configurationJSON(for elementType: ElementType) throws(Failure) -> Data {
        try HuggingFaceConfiguration.json(configurationJSON, withElementType: elementType, origin: name)
    }

    /// Whether both origins name the same weights on disk.
    package func hasSameWeights(as other: ModelOrigin) -> Bool {
        guard let folder, let otherFolder = other.folder else { return false }
        return URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
            == URL(fileURLWithPath: otherFolder).resolvingSymlinksInPath().path
    }
}
