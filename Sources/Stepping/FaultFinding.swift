import Collectives
import Foundation
import JSON
import Model
import Settings
import Tensors

/// Where values went wrong first, as its rank tells all others.
package struct FaultFinding {
    package var rank: Int
    var dataRank: Int
    /// Nil: of no micro-batch alone.
    var microBatch: Int?
    var records: [Int]
    /// How many tensors of the micro-batch were fine.
    var fineCount: Int
    var tensor: String
    var nonFiniteCount: Int
    var elementCount: Int

    /// What all ranks take for the first fault; nil where none of them found one. Collective over all ranks.
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

    /// Micro-batches run side by side on data ranks, and tensor ranks' parts of a tensor are made side by side.
    private var order: [Int] { [microBatch ?? Int.max, dataRank, fineCount, rank] }

    package func place(in dataset: String) -> String {
        guard let microBatch else { return "rank \(rank)" }
        let list = records.map(String.init).listed(limit: 8)
        return "rank \(rank), micro-batch \(microBatch) (record\(records.count == 1 ? "" : "s") \(list) of \(dataset))"
    }

    /// - Parameter parameters: of the model those that are not finite themselves.
    package func reason(parameters: [String]) -> String {
        "\(tensor) has \(nonFiniteCount) of \(elementCount) values that are not finite"
            + (parameters.isEmpty ? "" : "; so has \(parameters.listed())")
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
    /// What a model computes is not finite, where nothing is updated.
    ///
    /// - Parameters:
    ///   - place: what was computed.
    ///   - dataset: whose records the finding names; nil where they are of none.
    ///   - parameters: of the model those that are not finite themselves.
    package static func nonFinite(
        _ finding: FaultFinding?, place: String, dataset: String?, parameters: [String], remedy: String
    ) -> Failure {
        guard let finding else {
            return Failure(
                place, "values are not finite, and all were when they were computed once more",
                remedy: "Check the memory and the processors of the hosts.", exitCode: .internal)
        }
        return Failure(
            "\(place), \(dataset.map(finding.place) ?? "rank \(finding.rank)")", finding.reason(parameters: parameters), remedy: remedy,
            exitCode: .internal)
    }
}

extension Transformer where Kind == Frozen {
    /// Names of the parameters with values that are not finite on any rank, which looks at all of them. Collective over `world`.
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
