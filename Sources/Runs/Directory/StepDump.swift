import Files
import Foundation
import JSON
import Settings
import Stepping
import Tensors
import Weights

/// Data of a faulty step, saved by one rank for later inspection: `RUN/dumps/step-N-rank-R/`, with `dump.json` and, in
/// `rows.safetensors`, the rows around the first value that is not finite.
public struct StepDump: Equatable, Sendable {
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
        let swap = FolderSwap(of: folder, aside: folder + ".replaced") { name, _ in StepDump.names.contains(name) }
        do {
            try? FileManager.default.removeItem(atPath: partial)
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            try swap.recover()
            let name = tensors.last?.name ?? "rows"
            var writer = try SafetensorsWriter(
                path: "\(partial)/\(StepDump.rowsName)",
                tensors: [.init(name: name, elementType: .float32, shape: [rows.rowCount, rows.columnCount])])
            try writer.append(rows, to: name)
            try writer.finish()
            try TemporaryFile.write((json.line + "\n").utf8, to: "\(partial)/\(StepDump.jsonName)")
            try swap.replace(with: partial)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            if let failure = error as? Failure { throw failure }
            throw .unwritable(folder, error, remedy: "Check the free space.")
        }
    }

    /// Removes the dumps in a run's folder `dumps`, and the folder if it is then empty.
    static func removeAll(in folder: String) throws {
        for name in Files.names(in: folder) where name.wholeMatch(of: /step-[0-9]+-rank-[0-9]+(\.partial|\.replaced)?/) != nil {
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
        guard let dump = JSONFile.value(path).flatMap({ try? StepDump(json: $0) }), dump.kind == "dump"
        else { throw .damaged(path, "is not a dump", remedy: "Name a folder that a run wrote below its dumps.") }
        guard dump.formatVersion <= currentVersion else {
            throw .configuration(
                path, "has format version \(dump.formatVersion), newer than \(currentVersion)",
                remedy: "Look at it with the version of Tandem that wrote it.")
        }
        let file = try SafetensorsFile(path: "\(folder)/\(rowsName)")
        guard let tensor = file.tensors.first, tensor.shape.count == 2 else {
            throw .damaged(file.path, "holds no rows", remedy: "Copy the dump again, or name another one.")
        }
        let matrix = Matrix(rowCount: tensor.shape[0], columnCount: tensor.shape[1])
        try file.matrix(named: tensor.name, rowCount: tensor.shape[0], columnCount: tensor.shape[1]).upcast(into: matrix)
        return (dump, (0..<matrix.rowCount).map { matrix.rows($0..<$0 + 1).values })
    }
}

extension StepDump: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "format_version": formatVersion, "kind": kind, "step": step, "loss": loss, "gradient_norm": gradientNorm,
            "rank": rank, "data_rank": dataRank, "tensor_rank": tensorRank, "micro_batch": microBatch, "dataset": dataset,
            "records": records, "tokens": tokens, "positions": positions, "parameters": parameters, "tensors": tensors,
            "first_row": firstRow,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        formatVersion = try fields["format_version"]
        kind = try fields["kind"]
        step = try fields["step"]
        loss = try fields["loss"]
        gradientNorm = try fields["gradient_norm"]
        rank = try fields["rank"]
        dataRank = try fields["data_rank"]
        tensorRank = try fields["tensor_rank"]
        microBatch = try fields["micro_batch"]
        dataset = try fields["dataset"]
        records = try fields["records"]
        tokens = try fields["tokens"]
        positions = try fields["positions"]
        parameters = try fields["parameters"]
        tensors = try fields["tensors"]
        firstRow = try fields["first_row"]
    }
}
