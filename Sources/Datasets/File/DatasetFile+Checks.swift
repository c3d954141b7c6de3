import Files
import Foundation
import HDF5
import Hashing
import Settings
import Tensors
import Tokenization

extension DatasetFile {
    /// Checks that the file can be read, and returns its size in bytes.
    static func checkReadable(_ path: String) throws(Failure) -> Int {
        guard let status = FileStatus(path) else {
            throw .missing(path, "can't be found (\(systemReason()))", remedy: "Check the path.")
        }
        guard !status.isFolder else { throw .damaged(path, "is a folder", remedy: "Name the dataset's file itself.") }
        guard status.isRegular else {
            throw .damaged(path, "is not a regular file", remedy: "Name the dataset's file itself.")
        }
        guard access(path, R_OK) == 0 else {
            throw .missing(path, "can't be read (\(systemReason()))", remedy: "Check its permissions.")
        }
        guard status.byteCount > 0 else { throw .damaged(path, "is empty", remedy: DatasetFormat.remedy) }
        return status.byteCount
    }

    /// Checks that offsets, lengths and counts agree, and that every record can be trained on.
    func checkStructure() throws(Failure) {
        let parts = kind.sequences.count
        guard offsets.count >= 1, (offsets.count - 1) % parts == 0, (offsets.count - 1) / parts == recordCount else {
            throw damage("record_count \(recordCount) does not go with \(offsets.count) offsets")
        }
        guard offsets[0] == 0, offsets[offsets.count - 1] == Int64(tokens.count) else {
            throw damage("its offsets do not span its \(tokens.count) tokens")
        }
        guard kind == .text || !hasLossMasks else { throw damage("a preference dataset has a loss_mask") }
        guard maskCount == (hasLossMasks ? tokens.count : 0) else {
            throw damage("loss_mask has \(maskCount) entries for \(tokens.count) tokens")
        }
        let shortest: Int64 = kind == .text ? 2 : 1
        for part in 0..<(offsets.count - 1) {
            // A damaged offset can have any value: wrapping subtraction can't trap, and the checks below refuse the value.
            let length = offsets[part + 1] &- offsets[part]
            guard offsets[part + 1] > offsets[part], length >= shortest else {
                throw damage("record \(part / parts) has \(kind.description(of: kind.sequences[part % parts])) of \(length) tokens")
            }
        }
    }

    private func damage(_ reason: String) -> Failure { .damaged(path, reason, remedy: DatasetFormat.remedy) }

    /// Refuses a dataset with a token id that `model` has no embedding for.
    ///
    /// - Throws: `Failure` (damaged data) naming the first such record and token id.
    public func checkTokens(below vocabularySize: Int, model: String) throws(Failure) {
        guard Int(tokenRange.upperBound) >= vocabularySize else { return }
        var found: (position: Int, id: Int32)?
        try forEachStretch { start, ids throws(Failure) in
            guard found == nil, let index = ids.firstIndex(where: { Int($0) >= vocabularySize }) else { return }
            found = (start + index, ids[index])
        }
        guard let found else { throw damage("maximum_token \(tokenRange.upperBound) is not among its tokens") }
        throw .damaged(
            "\(path): record \(record(at: found.position))",
            "token id \(found.id) is out of the vocabulary of \(model), which has \(vocabularySize) tokens",
            remedy: "Prepare the data with that model's tokenizer, or train the model that it was made for.")
    }

    /// Reads the whole file and checks every chunk's checksum, every token id and every mask value.
    ///
    /// - Throws: `Failure` (damaged data).
    public func verify() throws(Failure) {
        var smallest = Int32.max
        var largest = Int32.min
        try forEachStretch { start, ids throws(Failure) in
            for id in ids {
                smallest = min(smallest, id)
                largest = max(largest, id)
            }
            if hasLossMasks { _ = try mask(in: start..<(start + ids.count)) }
        }
        guard smallest == tokenRange.lowerBound, largest == tokenRange.upperBound else {
            throw damage("its token ids go from \(smallest) to \(largest), its header says \(tokenRange)")
        }
    }

    /// The SHA-256 of the records' lengths, tokens and loss masks, in 64 hexadecimal digits. Reads the whole file.
    ///
    /// - Throws: `Failure` (damaged data).
    public func fingerprint() throws(Failure) -> String {
        var hash = SHA256()
        offsets.withUnsafeBytes { hash.update($0) }
        // Masks get a hash of their own: its digits have a fixed length, so tokens and masks can't be confused.
        var masks = SHA256()
        try forEachStretch { start, ids throws(Failure) in
            ids.withUnsafeBytes { hash.update($0) }
            if hasLossMasks { masks.update(try mask(in: start..<(start + ids.count)).map { $0 ? 1 : 0 }) }
        }
        hash.update(Array(masks.digits().utf8))
        return hash.digits()
    }

    /// The SHA-256 of the records' lengths and of a sample of their tokens and masks. The sample has all tokens of a small
    /// file, and 64 evenly spread chunks of a large one. Every rank computes it at every start, so it must be quick.
    ///
    /// - Throws: `Failure` (damaged data).
    public func sampledFingerprint() throws(Failure) -> String {
        var hash = SHA256()
        offsets.withUnsafeBytes { hash.update($0) }
        let (chunk, count) = (DatasetFormat.tokenChunk, 64)
        let samples =
            tokens.count <= chunk * count
            ? [0..<tokens.count] : (1...count).map { tokens.count / count * $0 }.map { ($0 - chunk)..<$0 }
        for sample in samples {
            try tokens(in: sample).withUnsafeBytes { hash.update($0) }
            if hasLossMasks { hash.update(try mask(in: sample).map { $0 ? 1 : 0 }) }
        }
        return hash.digits()
    }

    private func forEachStretch(_ body: (_ start: Int, _ ids: [Int32]) throws(Failure) -> Void) throws(Failure) {
        for start in stride(from: 0, to: tokens.count, by: DatasetFormat.readStretch) {
            let end = min(start + DatasetFormat.readStretch, tokens.count)
            try body(start, try tokens(in: start..<end))
        }
    }

    /// The record that the token at `position` belongs to.
    private func record(at position: Int) -> Int {
        // A binary search for the first part that starts after the position.
        var low = 0
        var high = offsets.count - 1
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] > Int64(position) { high = middle } else { low = middle + 1 }
        }
        return (low - 1) / kind.sequences.count
    }
}
