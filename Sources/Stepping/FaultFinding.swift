import Collectives
import Foundation
import JSON
import Model
import Settings
import Tensors

/// The place of the first value that is not finite, as its rank sends it to all others.
package struct FaultFinding {
    package var rank: Int
    var dataRank: Int
    /// Nil: the fault is in sums over micro-batches, not in one micro-batch.
    var microBatch: Int?
    var records: [Int]
    /// The number of the micro-batch's tensors before the fault, all of them finite.
    var fineCount: Int
    var tensor: String
    var nonFiniteCount: Int
    var elementCount: Int

    /// The first fault among all ranks, the same on all of them; nil if no rank found one. Collective over all ranks.
    package static func first(_ fault: FaultSearch.Fault?, mesh: Mesh) throws -> FaultFinding? {
        let own = fault.map { fault in
            FaultFinding(
                rank: mesh.world.rank, dataRank: mesh.data.rank, microBatch: fault.place?.index, records: fault.records,
                fineCount: fault.summaries.count - 1, tensor: fault.summary.name,
                nonFiniteCount: fault.summary.nonFiniteCount, elementCount: fault.summary.elementCount)
        }
        return try mesh.world.allGather(own).compactMap(\.self)
            .min { $0.order.lexicographicallyPrecedes($1.order) }
    }

    /// Sorts by micro-batch first: data ranks run theirs at the same time. Tensor ranks compute their parts of a tensor at
    /// the same time.
    private var order: [Int] { [microBatch ?? Int.max, dataRank, fineCount, rank] }

    package func place(in dataset: String) -> String {
        guard let microBatch else { return "rank \(rank)" }
        let list = records.map(String.init).listed(limit: 8)
        return "rank \(rank), micro-batch \(microBatch) (record\(records.count == 1 ? "" : "s") \(list) of \(dataset))"
    }

    /// - Parameter parameters: names of the model's parameters that are not finite themselves.
    package func reason(parameters: [String]) -> String {
        "\(tensor) has \(nonFiniteCount) of \(elementCount) values that are not finite"
            + (parameters.isEmpty ? "" : "; so \(parameters.count == 1 ? "has" : "have") \(parameters.listed())")
    }
}

extension [String] {
    /// "a, b, c and 4 more"
    package func listed(limit: Int = 3) -> String {
        let shown = prefix(limit).joined(separator: ", ")
        return count > limit ? "\(shown) and \(count - limit) more" : shown
    }
}

extension Failure {
    /// Values computed by a model are not finite, in a computation without an update.
    ///
    /// - Parameters:
    ///   - place: names the computation.
    ///   - dataset: the dataset whose records the finding names; nil if the records come from no dataset.
    ///   - parameters: names of the model's parameters that are not finite themselves.
    package static func nonFinite(
        _ finding: FaultFinding?, place: String, dataset: String?, parameters: [String], remedy: String
    ) -> Failure {
        guard let finding else {
            return Failure(
                place, "values are not finite, but all were finite when they were computed once more",
                remedy: "Check the memory and the processors of the hosts.", exitCode: .internal)
        }
        return Failure(
            "\(place), \(dataset.map(finding.place) ?? "rank \(finding.rank)")", finding.reason(parameters: parameters), remedy: remedy,
            exitCode: .internal)
    }
}

extension Transformer where Kind == Frozen {
    /// Names of the parameters with a value that is not finite on any rank. Reads all parameters. Collective over `world`.
    package func nonFiniteParameters(over world: any ProcessGroup) throws(CollectiveError) -> [String] {
        let own = table.specifications.indices.map { index in
            let isFinite =
                switch parameters.weight(index) {
                case .floats(let matrix): matrix.isFinite()
                case .stored(let matrix): matrix.nonFinite == nil
                }
            return isFinite ? 0.0 : 1
        }
        let wrong = try world.allReduceMaximum(own)
        return zip(table.specifications, wrong).filter { $1 > 0 }.map(\.0.name)
    }
}

extension FaultFinding: JSONRepresentable {
    package var json: JSONValue {
        .fields([
            "rank": rank, "data_rank": dataRank, "micro_batch": microBatch, "records": records, "fine_count": fineCount,
            "tensor": tensor, "non_finite_count": nonFiniteCount, "element_count": elementCount,
        ])
    }

    package init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        rank = try fields["rank"]
        dataRank = try fields["data_rank"]
        microBatch = try fields["micro_batch"]
        records = try fields["records"]
        fineCount = try fields["fine_count"]
        tensor = try fields["tensor"]
        nonFiniteCount = try fields["non_finite_count"]
        elementCount = try fields["element_count"]
    }
}
