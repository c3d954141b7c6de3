import Foundation
import Settings
import Tensors

/// Converts a model into a Hugging Face folder, a few rows at a time, so that memory stays small.
public struct CheckpointConversion {
    /// The progress of a conversion.
    public struct Progress: Sendable {
        public let tensorsWritten: Int
        public let tensorCount: Int
        public let elementsWritten: Int
        public let elementCount: Int
    }

    /// The most numbers that are decoded at a time.
    private static let bandElementCount = 1 << 20

    private let tensors: [SafetensorsWriter.Tensor]
    private let naming: TensorNaming
    private let configurationJSON: Data
    private let files: [String: Data]
    private let copiedFrom: String?
    private let protected: [String]
    /// The name of the source for errors.
    private let source: String
    /// Notices for a person about how the source is read.
    public let notices: [String]
    /// Returns some rows of a tensor, by its index.
    private let rows: (Int, Range<Int>) throws(Failure) -> Matrix

    /// A conversion of a GGUF file. Its tokenizer and chat template are written as files.
    ///
    /// - Parameter elementType: float32 or bfloat16.
    public init(_ checkpoint: GGUFCheckpoint, elementType: ElementType) throws(Failure) {
        let entries = checkpoint.table.entries
        tensors = entries.map { SafetensorsWriter.Tensor(name: $0.name, elementType: elementType, shape: $0.shape) }
        naming = .parameters
        configurationJSON = try checkpoint.configurationJSON(elementType: elementType)
        files = checkpoint.tokenizer.files
        copiedFrom = nil
        protected = [checkpoint.file.path]
        source = checkpoint.file.path
        notices = []
        rows = { (index, range) throws(Failure) in checkpoint.rows(range, of: entries[index]) }
    }

    /// A conversion of another Hugging Face folder. Its tokenizer files are copied.
    ///
    /// - Parameters:
    ///   - names: the parameters to write, in this order. Others are left out. Tensors that hold several parameters stay as
    ///     they are.
    ///   - elementType: float32 or bfloat16.
    public init(_ checkpoint: HuggingFaceCheckpoint, names: [String], elementType: ElementType) throws(Failure) {
        var tensors: [SafetensorsWriter.Tensor] = []
        var headers: [SafetensorsTensor] = []
        var known: Set<String> = []
        for name in names {
            for tensor in checkpoint.layout.tensorNames(of: name) where known.insert(tensor).inserted {
                guard let header = checkpoint.header(of: tensor, name) else {
                    throw .damagedFile(checkpoint.folder, "its weights have no tensor \(tensor.printable)")
                }
                headers.append(header)
                tensors.append(.init(name: tensor, elementType: elementType, shape: header.shape))
            }
        }
        self.tensors = tensors
        naming = .files
        configurationJSON = try HuggingFaceConfiguration.json(
            checkpoint.configurationJSON, withElementType: elementType, origin: checkpoint.folder + "/config.json")
        files = [:]
        copiedFrom = checkpoint.folder
        protected = []
        source = checkpoint.folder
        notices = checkpoint.notices
        rows = { [headers] (index, range) throws(Failure) in
            let header = headers[index]
            let stored = try checkpoint.files[checkpoint.fileOfTensor[header.name]!].matrix(named: header.name, shape: header.shape)
            let band = Matrix(rowCount: range.count, columnCount: stored.columnCount)
            stored.rows(range).upcast(into: band)
            return band
        }
    }

    /// A conversion of numbers from another kind of source.
    ///
    /// - Parameters:
    ///   - source: the name of the source for errors.
    ///   - configurationJSON: the content of `config.json`.
    ///   - tokenizerFolder: the folder from which tokenizer files are copied.
    ///   - protected: folders that are read and must not be replaced.
    ///   - rows: returns some rows of a tensor, by its index.
    public init(
        of source: String, tensors: [SafetensorsWriter.Tensor], configurationJSON: Data, tokenizerFolder: String?, protecting protected: [String],
        rows: @escaping (Int, Range<Int>) throws(Failure) -> Matrix
    ) {
        self.tensors = tensors
        naming = .parameters
        self.configurationJSON = configurationJSON
        files = [:]
        copiedFrom = tokenizerFolder
        self.protected = protected
        self.source = source
        notices = []
        self.rows = rows
    }

    public var tensorCount: Int { tensors.count }
    /// The count of written numbers over all tensors.
    public var elementCount: Int { tensors.reduce(0) { $0 + $1.rowCount * $1.columnCount } }

    /// Writes the folder completely or not at all. In an earlier folder only a model's files are replaced.
    ///
    /// - Parameters:
    ///   - others: how to treat other files in the destination.
    ///   - report: called after each few rows. An error that it throws ends the conversion.
    /// - Throws: `Failure`: configuration if the destination must not be replaced, damaged data if a number is not finite or
    ///   not finite in the new type, otherwise input/output.
    public func write(
        to destination: String, others: OtherFiles = .refused, report: (Progress) throws(Failure) -> Void = { _ in }
    ) throws(Failure) {
        var export = try HuggingFaceExport(
            to: destination, others: others, configurationJSON: configurationJSON, tensors: tensors, naming: naming,
            copyingFrom: copiedFrom, adding: files, protecting: protected)
        let total = elementCount
        var written = 0
        for (index, tensor) in tensors.enumerated() {
            let step = max(1, CheckpointConversion.bandElementCount / max(1, tensor.columnCount))
            for first in stride(from: 0, to: tensor.rowCount, by: step) {
                let range = first..<min(first + step, tensor.rowCount)
                let band = try rows(index, range)
                try check(band, from: first, of: tensor)
                try export.append(band, to: tensor.name)
                written += range.count * tensor.columnCount
                try report(
                    Progress(
                        tensorsWritten: range.upperBound == tensor.rowCount ? index + 1 : index,
                        tensorCount: tensors.count, elementsWritten: written, elementCount: total))
            }
        }
        try export.commit()
    }

    /// Refuses values that are not finite, now or in the type of the file.
    private func check(_ band: Matrix, from first: Int, of tensor: SafetensorsWriter.Tensor) throws(Failure) {
        guard let row = band.firstNonFiniteRow(as: tensor.elementType) else { return }
        let place = "tensor \(tensor.name.printable) has a value in row \(first + row)"
        guard band.isFinite() else {
            throw .damagedFile(source, place + " that is not finite")
        }
        throw .damaged(
            source, place + " that is too large for \(tensor.elementType.rawValue)", remedy: "Convert it as float32.")
    }
}
