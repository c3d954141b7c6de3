import Hashing

extension Storage {
    /// The SHA-256 of a file's whole content, 64 hexadecimal digits.
    public func contentDigits() -> String {
        var hash = SHA256()
        hash.update(bytes(0..<byteCount))
        return hash.digits()
    }

    /// The SHA-256 of samples of a file: quick to compute even for very large files.
    ///
    /// A file of at most 1 MiB is hashed completely. Of a larger file the hash covers its size, its first 64 KiB (where
    /// headers are) and 64 blocks of 4 KiB spread evenly to its end.
    public func sampledDigits() -> String {
        let (block, count) = (4096, 64)
        guard byteCount > 1 << 20 else { return contentDigits() }
        var hash = SHA256()
        hash.update(UInt64(byteCount))
        hash.update(bytes(0..<(1 << 16)))
        for index in 1...count {
            let end = byteCount / count * index + (index == count ? byteCount % count : 0)
            hash.update(bytes((end - block)..<end))
        }
        return hash.digits()
    }

    private func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }
}
