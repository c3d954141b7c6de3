import Foundation
import HDF5
import Settings
import Tokenization

/// A dataset of token ids, open for reading.
///
/// Opening checks the whole structure and reads the offsets into memory (8 bytes a part). Tokens are read record by record
/// on demand, and their chunks' checksums are checked. A damaged file is a `Failure`, never a wrong value. Only one thread
/// may use a `DatasetFile`; each rank opens its own.
public final class DatasetFile {
    public let path: String
    public let kind: DatasetKind
    public let recordCount: Int
    /// The smallest and the largest token id of all records.
    public let tokenRange: ClosedRange<Int32>
    /// The tokenizer that made the ids; nil if the data was prepared without a tokenizer.
    public let tokenizer: TokenizerIdentity?
    /// Where each part starts in `tokens`; the last entry is the end.
    let offsets: [Int64]
    let tokens: HDF5Dataset<Int32>
    private let lossMask: HDF5Dataset<UInt8>?
    /// Entries of the loss mask; 0 without a mask.
    let maskCount: Int
    /// Whether this is a text dataset with a loss mask for at least one record.
    public let hasLossMasks: Bool

    /// - Throws: `Failure`: missing input if the file can't be opened; damaged data for a wrong format, version, kind,
    ///   count or offset, or for a record that can't be trained on.
    public init(path: String) throws(Failure) {
        let byteCount = try DatasetFile.checkReadable(path)
        let file = try DatasetFile.trusting(path) { () throws(HDF5Error) in try HDF5File(opening: path) }
        let header = try DatasetHeader(of: file, path: path)
        tokens = try DatasetFile.trusting(path) { () throws(HDF5Error) in
            try HDF5Dataset(opening: DatasetFormat.Name.tokens, in: file, fileByteCount: byteCount)
        }
        offsets = try DatasetFile.trusting(path) { () throws(HDF5Error) in
            let stored = try HDF5Dataset<Int64>(
                opening: DatasetFormat.Name.offsets, in: file, fileByteCount: byteCount)
            return try stored.read(0..<stored.count)
        }
        let hasLossMasks = try DatasetFile.trusting(path) { () throws(HDF5Error) in
            try file.contains(DatasetFormat.Name.lossMask)
        }
        if hasLossMasks {
            let mask = try DatasetFile.trusting(path) { () throws(HDF5Error) in
                try HDF5Dataset<UInt8>(opening: DatasetFormat.Name.lossMask, in: file, fileByteCount: byteCount)
            }
            maskCount = mask.count
            lossMask = consume mask
        } else {
            maskCount = 0
            lossMask = nil
        }
        self.hasLossMasks = hasLossMasks
        self.path = path
        kind = header.kind
        recordCount = header.recordCount
        tokenRange = header.tokenRange
        tokenizer = header.tokenizer
        try checkStructure()
    }

    /// Tokens stored: the sum of `tokenCount(of:)` over all records.
    public var tokenCount: Int { tokens.count }

    // MARK: Lengths, known without reading tokens

    /// Tokens of a record with the shared prompt counted once: prompt + chosen + rejected, or the text.
    public func tokenCount(of record: Int) -> Int { lengths(of: record).stored }

    /// Tokens of a record with the prompt counted for each completion: 2 · prompt + chosen + rejected, or the text.
    public func sequenceTokenCount(of record: Int) -> Int { lengths(of: record).sequences }

    /// Tokens of a record's longest sequence: the number of positions that the record needs.
    public func positionCount(of record: Int) -> Int { lengths(of: record).longest }

    /// The number of a record's scored rows; nil if only the loss mask tells.
    public func scoredRowCount(of record: Int, _ scoring: ScoredTokens) -> Int? {
        let lengths = lengths(of: record)
        switch (kind, scoring) {
        case (.preference, .completion): return lengths.chosen + lengths.rejected
        case (.preference, .all): return lengths.sequences - 2
        case (.text, .completion) where hasLossMasks: return nil
        case (.text, _): return lengths.prompt - 1
        }
    }

    func lengths(of record: Int) -> RecordLengths {
        invariant(record >= 0 && record < recordCount, "a record is one of the dataset's")
        let first = record * kind.sequences.count
        func length(_ part: Int) -> Int { Int(offsets[first + part + 1] - offsets[first + part]) }
        return RecordLengths(kind, kind.sequences.indices.map(length))
    }

    // MARK: Records

    /// Reads one record. A text's mask is nil if the whole dataset has no mask.
    ///
    /// - Throws: `Failure` (damaged data) when a checksum does not match.
    public func record(_ record: Int) throws(Failure) -> DatasetRecord {
        let range = tokenRange(of: record)
        let ids = try tokens(in: range)
        let first = record * kind.sequences.count
        let sequences = kind.sequences.indices.map { part in
            Array(ids[(Int(offsets[first + part]) - range.lowerBound)..<(Int(offsets[first + part + 1]) - range.lowerBound)])
        }
        return DatasetRecord(kind, sequences, lossMask: hasLossMasks ? try mask(in: range) : nil)
    }

    /// The range of a record in `tokens`.
    private func tokenRange(of record: Int) -> Range<Int> {
        invariant(record >= 0 && record < recordCount, "a record is one of the dataset's")
        let first = record * kind.sequences.count
        return Int(offsets[first])..<Int(offsets[first + kind.sequences.count])
    }

    /// The ids of `range`, checked against the header's `tokenRange`. So no id is outside of a vocabulary that
    /// `checkTokens` accepted.
    func tokens(in range: Range<Int>) throws(Failure) -> [Int32] {
        let ids = try DatasetFile.trusting(path) { () throws(HDF5Error) in try tokens.read(range) }
        guard ids.allSatisfy(tokenRange.contains) else {
            throw .damaged(
                path, "holds a token id outside of the \(tokenRange) that its header promises",
                remedy: DatasetFormat.remedy)
        }
        return ids
    }

    func mask(in range: Range<Int>) throws(Failure) -> [Bool] {
        let marks = try DatasetFile.trusting(path) { () throws(HDF5Error) in try lossMask!.read(range) }
        guard marks.allSatisfy({ $0 <= 1 }) else {
            throw .damaged(path, "its loss_mask holds other values than 0 and 1", remedy: DatasetFormat.remedy)
        }
        return marks.map { $0 == 1 }
    }

    /// Reports an error of the HDF5 library as damaged data: the user can mend only the file.
    static func trusting<Value: ~Copyable>(
        _ path: String, _ read: () throws(HDF5Error) -> Value
    ) throws(Failure) -> Value {
        do throws(HDF5Error) { return try read() } catch {
            throw .damaged(path, "is damaged, or not a Tandem dataset (\(error))", remedy: DatasetFormat.remedy)
        }
    }
}
