import Files
import HDF5
import Settings
import Tokenization

/// Writes a dataset file record by record, in bounded memory.
///
/// No file appears at `path` before `commit`. The records go to a temporary file beside it, which `commit` closes, reads
/// again in full, flushes to the disk and renames. If anything fails, or the writer is dropped, the temporary file is removed
/// and an earlier file at `path` stays as it was.
public final class DatasetWriter {
    public let path: String
    public let kind: DatasetKind
    public private(set) var recordCount = 0
    /// Tokens stored so far.
    public private(set) var tokenCount = 0

    private let tokenizer: TokenizerIdentity?
    private let temporary: TemporaryFile
    private var output: OutputFile?
    private var smallest = Int32.max
    private var largest = Int32.min

    /// - Parameter tokenizer: the tokenizer that made the ids; nil if it is not known.
    /// - Throws: `Failure`: missing input if the folder does not exist; input/output if no file can be made in the folder.
    public init(path: String, kind: DatasetKind, tokenizer: TokenizerIdentity? = nil) throws(Failure) {
        self.path = path
        self.kind = kind
        self.tokenizer = tokenizer
        let temporary = try TemporaryFile(for: path)
        self.temporary = temporary
        output = try DatasetWriter.writing(path) { () throws(HDF5Error) in
            var output = try OutputFile(path: temporary.path)
            try output.offsets.append(0)
            return output
        }
        temporary.lock()
    }

    /// - Throws: `Failure` (input/output), for example for a full disk.
    public func append(_ record: DatasetRecord) throws(Failure) {
        invariant(record.kind == kind && output != nil, "a writer takes records of its kind until it is finished")
        switch kind {
        case .preference: invariant(record.sequences.allSatisfy { !$0.isEmpty }, "no sequence of a pair is empty")
        case .text:
            invariant(
                record.tokens.count >= 2 && (record.lossMask?.count ?? record.tokens.count) == record.tokens.count,
                "a text has two tokens at least, and a mask as long as it")
        }
        try append(parts: record.sequences, lossMask: record.lossMask)
    }

    private func append(parts: [[Int32]], lossMask: [Bool]? = nil) throws(Failure) {
        let start = tokenCount
        for part in parts {
            for id in part {
                smallest = min(smallest, id)
                largest = max(largest, id)
            }
            tokenCount += part.count
        }
        invariant(smallest >= 0, "a token id is negative")
        try cleaningUp { () throws(HDF5Error) in
            var end = start
            for part in parts {
                try output!.tokens.append(contentsOf: part)
                end += part.count
                try output!.offsets.append(Int64(end))
            }
            if let lossMask { try output!.append(lossMask: lossMask, at: start) }
        }
        recordCount += 1
    }

    /// Finishes, verifies and publishes the file. No record can be appended afterwards.
    ///
    /// - Throws: `Failure`: damaged data for a dataset without records; input/output if the disk fails.
    public func commit() throws(Failure) {
        try finish()
        try publish()
    }

    /// The first half of `commit`: the work that is likely to fail.
    func finish() throws(Failure) {
        invariant(output != nil, "the dataset is finished already")
        guard recordCount > 0 else {
            throw .damaged(path, "would hold no records", remedy: "Give input with at least one record that is kept.")
        }
        try cleaningUp { () throws(HDF5Error) in try close() }
        do throws(Failure) {
            let written = try DatasetFile(path: temporary.path)
            try written.verify()
            guard written.recordCount == recordCount, written.tokenCount == tokenCount else {
                throw .damaged(temporary.path, "holds fewer records than were written", remedy: DatasetFormat.remedy)
            }
            try temporary.synchronize()
        } catch {
            temporary.remove()
            throw .inputOutput(
                path, "the written file can't be read back (\(error.reason))", remedy: DatasetWriter.diskRemedy)
        }
    }

    /// The second half of `commit`.
    func publish() throws(Failure) { try temporary.publish() }

    private func close() throws(HDF5Error) {
        guard var open = output.take() else { return }
        try open.fillMask(to: tokenCount)
        try open.file.write(DatasetFormat.version, attribute: DatasetFormat.Attribute.formatVersion)
        try open.file.write(kind.rawValue, attribute: DatasetFormat.Attribute.kind)
        try open.file.write(Int64(recordCount), attribute: DatasetFormat.Attribute.recordCount)
        try open.file.write(Int64(smallest), attribute: DatasetFormat.Attribute.minimumToken)
        try open.file.write(Int64(largest), attribute: DatasetFormat.Attribute.maximumToken)
        if let tokenizer { try open.file.write(tokenizer.digits, attribute: DatasetFormat.Attribute.tokenizer) }
        try open.close()
    }

    /// Removes the temporary file at once on a failure, not only when the writer is dropped.
    private func cleaningUp(_ write: () throws(HDF5Error) -> Void) throws(Failure) {
        do throws(Failure) { try DatasetWriter.writing(path, write) } catch {
            _ = output.take()
            temporary.remove()
            throw error
        }
    }

    private static let diskRemedy = "Check the disk's free space, quota and permissions."

    private static func writing<Value: ~Copyable>(
        _ path: String, _ write: () throws(HDF5Error) -> Value
    ) throws(Failure) -> Value {
        do throws(HDF5Error) { return try write() } catch {
            throw .inputOutput(path, "can't be written (\(error))", remedy: DatasetWriter.diskRemedy)
        }
    }
}

/// The open HDF5 file of a writer, with its columns.
private struct OutputFile: ~Copyable {
    let file: HDF5File
    var tokens: Column<Int32>
    var offsets: Column<Int64>
    /// Created for the first record with a mask.
    var lossMask: Column<UInt8>?
    /// Entries of the mask, written or still buffered; nil without a mask.
    private var maskCount: Int?

    init(path: String) throws(HDF5Error) {
        // Local constants first: a throw must not leave a noncopyable value half initialised.
        let file = try HDF5File(creating: path)
        let tokens = try Column<Int32>(DatasetFormat.Name.tokens, in: file, chunk: DatasetFormat.tokenChunk)
        let offsets = try Column<Int64>(DatasetFormat.Name.offsets, in: file, chunk: DatasetFormat.offsetChunk)
        self.file = file
        self.tokens = tokens
        self.offsets = offsets
        lossMask = nil
    }

    mutating func append(lossMask mask: [Bool], at position: Int) throws(HDF5Error) {
        if maskCount == nil {
            lossMask = try Column(DatasetFormat.Name.lossMask, in: file, chunk: DatasetFormat.tokenChunk)
            maskCount = 0
        }
        try fillMask(to: position)
        try lossMask?.append(contentsOf: mask.map { $0 ? 1 : 0 })
        maskCount = position + mask.count
    }

    /// Fills the mask with ones: a record without a mask counts every token, also beside records with a mask.
    mutating func fillMask(to position: Int) throws(HDF5Error) {
        guard let start = maskCount else { return }
        for begin in stride(from: start, to: position, by: DatasetFormat.tokenChunk) {
            let missing = min(position - begin, DatasetFormat.tokenChunk)
            try lossMask?.append(contentsOf: [UInt8](repeating: 1, count: missing))
        }
        maskCount = max(start, position)
    }

    consuming func close() throws(HDF5Error) {
        try tokens.close()
        try offsets.close()
        switch consume lossMask {
        case .some(let mask): try mask.close()
        case .none: break
        }
        try file.close()
    }
}

/// A dataset that is written in whole chunks, so that each chunk is checksummed and written once.
private struct Column<Element: HDF5Scalar>: ~Copyable {
    private var dataset: HDF5Dataset<Element>
    private var buffer: [Element] = []
    private let chunk: Int

    init(_ name: String, in file: borrowing HDF5File, chunk: Int) throws(HDF5Error) {
        dataset = try HDF5Dataset(creating: name, in: file, chunk: chunk)
        self.chunk = chunk
    }

    mutating func append(_ element: Element) throws(HDF5Error) { try append(contentsOf: [element]) }

    mutating func append(contentsOf elements: [Element]) throws(HDF5Error) {
        buffer.append(contentsOf: elements)
        let whole = buffer.count - buffer.count % chunk
        guard whole > 0 else { return }
        try dataset.append(buffer[..<whole])
        buffer.removeFirst(whole)
    }

    consuming func close() throws(HDF5Error) {
        try dataset.append(buffer)
        try dataset.close()
    }
}
