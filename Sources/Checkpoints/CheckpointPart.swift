import Tensors

/// A file of a checkpoint, and the memory of this rank that is saved to it or filled from it.
public struct CheckpointPart {
    /// Its name in the checkpoint's folder.
    let file: String
    /// Contiguous.
    let blocks: [(name: String, values: Matrix)]
    /// Else all data ranks hold the same, and the first writes.
    let isOfOneDataRank: Bool

    /// - Parameter dataRank: whose alone it is; nil for what all data ranks hold alike.
    public init(tensorRank: Int, dataRank: Int? = nil, blocks: [(name: String, values: Matrix)]) {
        file = CheckpointPart.file(tensorRank: tensorRank, dataRank: dataRank)
        self.blocks = blocks
        isOfOneDataRank = dataRank != nil
    }

    static func file(tensorRank: Int, dataRank: Int? = nil) -> String {
        "tensor-\(tensorRank)\(dataRank.map { "-data-\($0)" } ?? "").h5"
    }
}
