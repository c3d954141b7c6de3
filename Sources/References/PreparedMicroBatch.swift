import Datasets
import Model
import Tensors

/// A micro-batch ready for the forward.
package struct PreparedMicroBatch {
    package let plan: ForwardPlan
    /// For each record, the rows of its sequences among the plan's scored rows.
    package let records: [RecordLayout]
    let dataset: DatasetRole
    package let sequenceTokens: Int

    package init(_ batch: MicroBatch, of dataset: DatasetRole) {
        self.dataset = dataset
        records = batch.records
        plan = ForwardPlan(axis: batch.axis, rows: batch.rows)
        sequenceTokens = batch.sequenceTokens
    }
}
