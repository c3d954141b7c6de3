import Foundation
import Settings
import Tensors

/// A model on its way from one format into a Hugging Face folder: a few rows at a time, so memory stays small.
public struct CheckpointConversion {
    /// How far it is.
    public struct Progress: Sendable {
        public let tensorsWritten: Int
        public let tensorCount: Int
        public let elementsWritten: Int
        public let elementCount: Int
    }

    /// Numbers that are decoded at once.
    private static let bandElementCount = 1 << 20

    private let tensors: [SafetensorsWriter.Tensor]
    private let configurationJSON: Data
    private let files: [String: Data]
    private let copiedFrom: String?
    private let protected: [String]
    /// Rows of the tensor with an index.
    private let rows: (Int, Range<Int>) throws(Failure) -> Matrix

    /// From a GGUF file; its tokenizer and chat template are written out.
    ///
    /// - Parameter elementType: float32 or bfloat16.
    public init(_ checkpoint: GGUFCheckpoint, elementType: ElementType) throws(Failure) {
        let entries = checkpoint.table.entries
        tensors = entries.map { SafetensorsWriter.Tensor(name: $0.name, elementType: elementType, shape: $0.shape) }
        configurationJSON = try checkpoint.configurationJSON(elementType: elementType)
        files = checkpoint.tokenizer.files
        copiedFrom = nil
        protected = [checkpoint.file.path]
        rows = { (index, range) throws(Failure) in checkpoint.rows(range, of: entries[index]) }
    }

    /// From another Hugging Face folder; its tokenizer files are copied.
    ///
    /// - Parameters:
    ///   - names: the tensors to take over, in the order in which they are written. Others are left out.
    ///   - elementType: float32 or bfloat16.
    public init(_ checkpoint: HuggingFaceCheckpoint, names: [String], elementType: ElementType) throws(Failure) {
        let headers = Dictionary(uniqueKeysWithValues: checkpoint.tensors.map { ($0.name, $0) })
        var tensors: [SafetensorsWriter.Tensor] = []
        for name in names {
            guard let header = headers[name] else {
                throw .damagedFile(checkpoint.folder, "its weights have no tensor \(name.printable)")
            }
            tensors.append(.init(name: name, elementType: elementType, shape: header.shape))
        }
        self.tensors = tensors
        configurationJSON = try HuggingFaceConfiguration.json(
            checkpoint.configurationJSON, withElementType: elementType, origin: checkpoint.folder + "/config.json")
        files = [:]
        copiedFrom = checkpoint.folder
        protected = []
        rows = { [tensors] (index, range) throws(Failure) in
            let tensor = tensors[index]
            let stored = try checkpoint.matrix(
                named: tensor.name, rowCount: tensor.rowCount, columnCount: tensor.columnCount)
            let band = Matrix(rowCount: range.count, columnCount: tensor.columnCount)
            stored.rows(range).widen(into: band)
            return band
        }
    }

    /// From numbers that are kept in another way.
    ///
    /// - Parameters:
    ///   - configurationJSON: what `config.json` will be.
    ///   - tokenizerFolder: whose tokenizer files are copied.
    ///   - protected: folders that are read and must not be replaced.
    ///   - rows: gives some rows of the tensor with an index.
    public init(
        tensors: [SafetensorsWriter.Tensor], configurationJSON: Data, tokenizerFolder: String?, protecting protected: [String],
        rows: @escaping (Int, Range<Int>) throws(Failure) -> Matrix
    ) {
        self.tensors = tensors
        self.configurationJSON = configurationJSON
        files = [:]
        copiedFrom = tokenizerFolder
        self.protected = protected
        self.rows = rows
    }

    public var tensorCount: Int { tensors.count }
    /// Numbers written, over all tensors.
    public var elementCount: Int { tensors.reduce(0) { $0 + $1.rowCount * $1.columnCount } }

    /// Writes the folder, which appears whole or not at all. Of an earlier one only a model's files are replaced.
    ///
    /// - Parameters:
    ///   - others: what becomes of other files in the destination.
    ///   - report: called after each few rows; what it throws ends the conversion.
    /// - Throws: `Failure`: configuration where the destination must not be replaced, else input/output.
    public func write(
        to destination: String, others: OtherFiles = .refused, report: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) {
        var export = try HuggingFaceExport(
            to: destination, others: others, configurationJSON: configurationJSON, tensors: tensors, copyingFrom: copiedFrom,
            adding: files, protecting: protected)
        let total = elementCount
        var written = 0
        for (index, tensor) in tensors.enumerated() {
            let step = max(1, CheckpointConversion.bandElementCount / max(1, tensor.columnCount))
            for first in stride(from: 0, to: tensor.rowCount, by: step) {
                let range = first..<min(first + step, tensor.rowCount)
                try export.append(rows(index, range), to: tensor.name)
                written += range.count * tensor.columnCount
                try report(
                    Progress(
                        tensorsWritten: range.upperBound == tensor.rowCount ? index + 1 : index,
                        tensorCount: tensors.count, elementsWritten: written, elementCount: total))
            }
        }
        try export.commit()
    }
}
