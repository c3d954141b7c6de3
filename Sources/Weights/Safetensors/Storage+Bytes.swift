import Settings
import Tensors

extension Storage {
    /// A copy of the bytes in `range`.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        invariant(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes lie in their memory")
        return [UInt8](UnsafeRawBufferPointer(start: base, count: byteCount)[range])
    }

    /// All bytes of a small file.
    ///
    /// - Throws: `Failure` if the file is missing, can't be read, is empty or is larger than `limit` bytes.
    static func contents(of path: String, limit: Int) throws(Failure) -> [UInt8] {
        let storage = try Storage(mapping: path)
        guard storage.byteCount <= limit else {
            throw .damaged(
                path, "is \(storage.byteCount) bytes long, more than the limit of \(limit)",
                remedy: "Check that this is the right file.")
        }
        return storage.bytes(0..<storage.byteCount)
    }
}
