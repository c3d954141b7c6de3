/// A micro-batch of a step: whose it is, and which of theirs.
package struct MicroBatchPlace: Hashable {
    package let dataRank: Int
    /// Its round: every data rank runs its i-th micro-batch in the i-th round.
    package let index: Int

    package init(dataRank: Int, index: Int) {
        self.dataRank = dataRank
        self.index = index
    }
}
