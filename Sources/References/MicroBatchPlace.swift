/// Identifies a micro-batch of a step: its data rank and its index there.
package struct MicroBatchPlace: Hashable {
    package let dataRank: Int
    /// The round. Every data rank runs its i-th micro-batch in the i-th round.
    package let index: Int

    package init(dataRank: Int, index: Int) {
        self.dataRank = dataRank
        self.index = index
    }
}
