import Collectives
import Datasets
import Files
import Foundation
import JSON
import Kernels
import Model
import References
import Runs
import Settings
import Stepping

/// Log-probabilities of a dataset's records under a frozen model.
public struct Scorer {
    private let dataset: DatasetFile
    private let origin: ModelOrigin
    private let packer: MicroBatchPacker
    /// Notes for the user on how the model and its tokenizer are read.
    public let notices: [String]
    /// Records between two gathers on the first rank; the number bounds that rank's memory.
    private static let chunkSize = 256

    /// Checks the dataset against the checkpoint. Loads no weights yet.
    public init(checkpoint: String, data: String, tokensPerMicroBatch: Int = 4096) throws(Failure) {
        origin = try ModelOrigin(checkpoint: checkpoint)
        dataset = try DatasetFile(path: data)
        notices = origin.notices + (try origin.checkTokenizer(of: [(place: "--data", file: dataset)]))
        try dataset.checkRecords(fit: origin)
        packer = MicroBatchPacker(
            tokensPerMicroBatch: tokensPerMicroBatch, prefixSharing: true, lengthLimit: origin.configuration.lengthLimit)
    }

    public func check(_ layout: ParallelLayout, place: String) throws(Failure) {
        try layout.check(against: origin.configuration, named: origin.name, place: place)
    }

    /// Facts that all ranks must share to score the same.
    public func facts() throws(Failure) -> [SharedFact] {
        try SharedFact.ofProgram() + origin.facts() + [dataset.fact()]
    }

    /// The file of `--output`, to be checked before work starts. An existing scores file is recognised by its first line.
    public static func output(_ path: String) -> OutputPath {
        OutputPath(path, option: "--output", holding: "scores") { path in
            guard let first = try? firstLine(of: path), let json = try? JSONValue(parsing: Array(first)) else { return false }
            return json["record"]?.wholeNumber != nil && (json["token_logps"] ?? json["chosen_token_logps"])?.elements != nil
        }
    }

    private static func firstLine(of path: String) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        var line = Data()
        while !line.contains(0x0A), line.count < 64 << 20, let more = try file.read(upToCount: 1 << 20), !more.isEmpty { line += more }
        return line.prefix { $0 != 0x0A }
    }

    /// One record's log-probabilities: the tokens of each completion, or of the text.
    private struct Line {
        let record: Int
        let parts: [[Double]]
    }

    /// Writes one JSON object for each record, in the dataset's order. Collective. The first rank writes the file
    /// completely or not at all.
    ///
    /// - Parameter progress: called on the first rank with the number of records done and the total.
    /// - Throws: an `AgreedFailure` (internal) if a value is not finite. It names the first tensor and its records.
    public func run(
        output: String, mesh: Mesh, workers: Workers, progress: (Int, Int) throws -> Void
    ) throws {
        let model = try mesh.agreed { try origin.frozen(tensor: mesh.tensor, workers: workers) }
        let file = try mesh.agreed { mesh.isFirst ? try ScoreFile(output) : nil }
        var start = 0
        while start < dataset.recordCount {
            let records = Array(start..<min(start + Scorer.chunkSize, dataset.recordCount))
            start += records.count
            let lines = try score(records, model: model, mesh: mesh)
            try mesh.agreed { for line in lines { try file?.write(text(line)) } }
            if mesh.isFirst { try progress(start, dataset.recordCount) }
        }
        try mesh.agreed { try file?.commit() }
    }

    /// On the first rank, the lines of `records` in order; on other ranks, none.
    private func score(_ records: [Int], model: Transformer<Frozen>, mesh: Mesh) throws -> [Line] {
        let plan = StepPlanner.plan(
            records, step: 0, epoch: 0, dataset: dataset, packer: packer, dataRankCount: mesh.data.size)
        let batches = try mesh.agreed {
            try plan.microBatches[mesh.data.rank].map { try packer.assemble($0, from: dataset) }
        }
        var values: [Double] = []
        var isFinite = true
        for batch in batches {
            let scored = try model.forward(ForwardPlan(axis: batch.axis, rows: batch.rows)).scored.logProbabilities
            isFinite = isFinite && scored.allSatisfy(\.isFinite)
            for layout in batch.records {
                let parts = [.chosen, .rejected, .completion].compactMap { layout.sequences[$0] }
                values.append(Double(layout.record))
                values.append(Double(parts.count))
                for part in parts { values += [Double(part.count)] + scored[part] }
            }
        }
        guard try mesh.world.allReduceMaximum([isFinite ? 0 : 1])[0] == 0 else { throw try AgreedFailure(fault(batches, model, mesh)) }
        // Tensor ranks hold the same values: only the first rank of each group sends them.
        let own = mesh.tensor.rank == 0 ? values : []
        let gathered = try mesh.world.allGather(own.withUnsafeBytes(Array.init))
        guard mesh.isFirst else { return [] }
        return gathered.flatMap(Scorer.lines).sorted { $0.record < $1.record }
    }

    /// Computes the batches once more and looks for the first value that is not finite. Collective over all ranks.
    private func fault(_ batches: [MicroBatch], _ model: Transformer<Frozen>, _ mesh: Mesh) throws -> Failure {
        let search = FaultSearch()
        model.observer = { search.observe($0, $1) }
        defer { model.observer = nil }
        for (index, batch) in batches.enumerated() {
            let prepared = PreparedMicroBatch(batch, of: .training)
            search.begin(prepared, at: MicroBatchPlace(dataRank: mesh.data.rank, index: index))
            search.observeLogProbabilities("log-probabilities", try model.forward(prepared.plan).scored.logProbabilities)
        }
        return Failure.nonFinite(
            try FaultFinding.first(search.fault, mesh: mesh), place: origin.name, dataset: dataset.path,
            parameters: try model.nonFiniteParameters(over: mesh.world),
            remedy: "Look at the model with tandem inspect --verify \(origin.name), and at these records.")
    }

    private static func lines(_ bytes: [UInt8]) -> [Line] {
        let values = bytes.withUnsafeBytes { raw in
            (0..<(raw.count / 8)).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        }
        var lines: [Line] = []
        var index = 0
        while index < values.count {
            let record = Int(values[index])
            let partCount = Int(values[index + 1])
            index += 2
            let parts = (0..<partCount).map { _ in
                let count = Int(values[index])
                defer { index += 1 + count }
                return Array(values[(index + 1)..<(index + 1 + count)])
            }
            lines.append(Line(record: record, parts: parts))
        }
        return lines
    }

    private func text(_ line: Line) -> String {
        let sums = line.parts.map { $0.reduce(0, +) }
        let json: JSONValue =
            line.parts.count == 1
            ? .fields(["record": line.record, "logp": sums[0], "token_logps": line.parts[0]])
            : .fields([
                "record": line.record, "chosen_logp": sums[0], "rejected_logp": sums[1], "chosen_token_logps": line.parts[0],
                "rejected_token_logps": line.parts[1],
            ])
        return json.line + "\n"
    }
}
