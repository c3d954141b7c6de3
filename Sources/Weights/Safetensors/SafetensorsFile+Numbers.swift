import Settings
import Tensors

extension SafetensorsFile {
    /// Reads every tensor of a supported type, and refuses the first tensor with a value that is not finite.
    ///
    /// - Throws: `Failure` (damaged data) naming the file, the tensor and the row.
    public func checkNumbers() throws(Failure) {
        for tensor in tensors where tensor.type.elementType != nil {
            guard let wrong = stored(tensor)?.nonFinite else { continue }
            throw .damagedFile(
                path,
                "tensor \(tensor.name.printable) has \(wrong.count) of \(tensor.elementCount) values that are not finite, the first in "
                    + "row \(wrong.firstRow)")
        }
    }
}

extension HuggingFaceCheckpoint {
    /// Checks every file of the folder for values that are not finite.
    ///
    /// - Throws: `Failure` (damaged data).
    public func checkNumbers() throws(Failure) { for file in files { try file.checkNumbers() } }
}

extension GGUFCheckpoint {
    /// Checks every tensor of the model for values that are not finite.
    ///
    /// - Throws: `Failure` (damaged data).
    public func checkNumbers() throws(Failure) {
        for entry in table.entries {
            for row in 0..<entry.rowCount where !rows(row..<row + 1, of: entry).isFinite() {
                throw .damagedFile(file.path, "tensor \(entry.stored.name.printable) has a value that is not finite")
            }
        }
    }
}
