import Datasets
import References
import Settings

/// The micro-batches that one rank computes in a step or in a part of a validation dataset: its own, and those of other
/// data ranks that a reference with its own layout computes on this rank.
package struct StepBatches {
    let dataset: DatasetRole
    /// For every data rank, the records of its micro-batches.
    let records: [[[Int]]]
    /// This rank's micro-batches, in order.
    package let own: [PreparedMicroBatch]
    private let served: [MicroBatchPlace: PreparedMicroBatch]

    /// Reads and lays out the micro-batches that this rank computes.
    ///
    /// - Parameter places: the micro-batches whose reference values this rank computes.
    /// - Throws: `Failure` (damaged data) if the file can't be read.
    package init(
        _ plan: StepPlan, of role: DatasetRole, in file: DatasetFile, packer: MicroBatchPacker, dataRank: Int,
        serving places: Set<MicroBatchPlace>
    ) throws(Failure) {
        dataset = role
        records = plan.microBatches
        var own: [PreparedMicroBatch] = []
        for records in plan.microBatches[dataRank] {
            own.append(PreparedMicroBatch(try packer.assemble(records, from: file), of: role))
        }
        self.own = own
        var served: [MicroBatchPlace: PreparedMicroBatch] = [:]
        for place in places {
            let records = plan.microBatches[place.dataRank][place.index]
            served[place] =
                place.dataRank == dataRank
                ? own[place.index] : PreparedMicroBatch(try packer.assemble(records, from: file), of: role)
        }
        self.served = served
    }

    /// The largest number of micro-batches of any data rank. All ranks take part in this many rounds.
    var roundCount: Int { records.map(\.count).max() ?? 0 }

    /// A micro-batch whose reference values this rank computes.
    package func served(_ place: MicroBatchPlace) -> PreparedMicroBatch { served[place]! }
}
