import Datasets
import References
import Settings

/// The micro-batches of a step, or of a part of a validation dataset, as one rank needs them: its own, and those of other
/// data ranks that a reference in a layout of its own computes here.
package struct StepBatches {
    let dataset: DatasetRole
    /// Of every data rank, the records of its micro-batches.
    let records: [[[Int]]]
    /// Of this rank, in order.
    package let own: [PreparedMicroBatch]
    private let served: [MicroBatchPlace: PreparedMicroBatch]

    /// Reads and lays out what this rank computes.
    ///
    /// - Parameter places: what it computes of references.
    /// - Throws: `Failure` (damaged data) when the file can't be read.
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

    /// The most micro-batches of any data rank: all ranks take part in so many rounds.
    var roundCount: Int { records.map(\.count).max() ?? 0 }

    /// A micro-batch that a reference computes here.
    package func served(_ place: MicroBatchPlace) -> PreparedMicroBatch { served[place]! }
}
