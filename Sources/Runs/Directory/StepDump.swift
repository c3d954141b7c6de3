import Files
import Foundation
import Settings
import Stepping
import Tensors
import Weights

/// Data of a faulty step, saved by one rank for later inspection: `RUN/dumps/step-N-rank-R/`, with `dump.json` and, in
/// `rows.safetensors`, the rows around the first value that is not finite.
public struct StepDump: Codable, Equatable, Sendable {
    public static let currentVersion = 1

    public var formatVersion = StepDump.currentVersion
    public var kind = "dump"
    public var step: Int
    /// Loss and norm of the full step, as text: JSON has no number for NaN or infinity.
    public var loss: String
    public var gradientNorm: String
    /// The world rank, and its indices on the mesh's axes.
    public var rank: Int
    public var dataRank: Int
    public var tensorRank: Int
    /// Index among the data rank's micro-batches, from 0. Nil if only the sum over micro-batches is wrong.
    public var microBatch: Int?
    public var dataset: String
    /// Records of the micro-batch, as indices in the dataset.
    public var records: [Int]
    /// Tokens of the micro-batch's axis, and each token's position in its sequence.
    public var tokens: [Int32]
    public var positions: [Int32]
    /// Parameters of the policy with values that are not finite.
    public var parameters: [String]
    /// Tensors in the order of their computation. The last one is the first that is not finite.
    public var tensors: [TensorSummary]
    /// The row of the last tensor with which `rows.safetensors` begins.
    public var firstRow: Int

    package init(
        step: Int, loss: String, gradientNorm: String, rank: Int, dataRank: Int, tensorRank: Int, microBatch: Int?, dataset: String,
        records: [Int], tokens: [Int32], positions: [Int32], parameters: [String], tensors: [TensorSummary], firstRow: Int
    ) {
        self.step = step
        self.loss = loss
        self.gradientNorm = gradientNorm
        self.rank = rank
        self.dataRank = dataRank
        self.tensorRank = tensorRank
        self.microBatch = microBatch
        self.dataset = dataset
        self.records = records
        self.tokens = tokens
        self.positions = positions
        self.parameters = parameters
        self.tensors = tensors
        self.firstRow = firstRow
    }

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case kind, step, loss
        case gradientNorm = "gradient_norm"
        case rank
        case dataRank = "data_rank"
        case tensorRank = "tensor_rank"
        case microBatch = "micro_batch"
        case dataset, records, tokens, positions, parameters, tensors
        case firstRow = "first_row"
    }

    private static let jsonName = "dump.json"
    private static let rowsName = "rows.safetensors"
    private static let names = [rowsName, jsonName]

    /// Whether a folder holds a dump.
    public static func isDump(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(jsonName)")
    }

    /// Writes the folder completely or not at all.
    ///
    /// - Throws: `Failure` (input/output).
    package func write(rows: Matrix, to folder: String) throws(Failure) {
        let partial = folder + ".partial"
        do {
            try? FileManager.default.removeItem(atPath: partial)
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            let name = tensors.last?.name ?? "rows"
            var writer = try SafetensorsWriter(
                path: "\(partial)/\(StepDump.rowsName)",
                tensors: [.init(name: name, elementType: .float32, shape: [rows.rowCount, rows.columnCount])])
            try writer.append(rows, to: name)
            try writer.finish()
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(self).write(to: URL(fileURLWithPath: "\(partial)/\(StepDump.jsonName)"))
            try StepDump.remove(folder)
            if FileStatus(folder) == nil {
                try FileManager.default.moveItem(atPath: partial, toPath: folder)
            } else {
                // A user put files beside those of an earlier dump.
                for name in StepDump.names { try FileManager.default.moveItem(atPath: "\(partial)/\(name)", toPath: "\(folder)/\(name)") }
                rmdir(partial)
            }
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            if let failure = error as? Failure { throw failure }
            throw .unwritable(folder, error, remedy: "Check the free space.")
        }
    }

    /// Removes the dumps in a run's folder `dumps`, and the folder if it is then empty.
    static func removeAll(in folder: String) throws {
        for name in Files.names(in: folder) where name.wholeMatch(of: /step-[0-9]+-rank-[0-9]+(\.partial)?/) != nil {
            try remove("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    private static func remove(_ folder: String) throws {
        try OwnFiles.remove(from: folder) { names.contains($0) }
    }

    /// Reads a dump and the rows that it kept.
    ///
    /// - Throws: `Failure` (damaged data; configuration for a newer format).
    public static func read(_ folder: String) throws(Failure) -> (dump: StepDump, rows: [[Float]]) {
        let path = "\(folder)/\(jsonName)"
        guard let data = FileManager.default.contents(atPath: path),
            let dump = try? JSONDecoder().decode(StepDump.self, from: data), dump.kind == "dump"
        else { throw .damaged(path, "is not a dump", remedy: "Name a folder that a run wrote below its dumps.") }
        guard dump.formatVersion <= currentVersion else {
            throw .configuration(
                path, "has format version \(dump.formatVersion), newer than \(currentVersion)",
                remedy: "Look at it with the version of Tandem that wrote it.")
        }
        let file = try SafetensorsFile(path: "\(folder)/\(rowsName)")
        guard let tensor = file.tensors.first, tensor.shape.count == 2 else {
            throw .damaged(file.path, "holds no rows", remedy: "The dump is damaged.")
        }
        let matrix = Matrix(rowCount: tensor.shape[0], columnCount: tensor.shape[1])
        try file.matrix(named: tensor.name, rowCount: tensor.shape[0], columnCount: tensor.shape[1]).upcast(into: matrix)
        return (dump, (0..<matrix.rowCount).map { matrix.rows($0..<$0 + 1).values })
    }
}
