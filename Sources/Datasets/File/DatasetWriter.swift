import Files
import HDF5
import Settings
import Tokenization

/// Writes a dataset file record by record, in bounded memory.
///
/// Nothing appears at `path` before `commit`: the records go to a temporary sibling, which is closed, read again in
/// full, brought to the disk and then renamed. If anything fails, or the writer is dropped, the temporary goes and an
/// earlier file at `path` stays as it was.
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

    /// - Parameter tokenizer: which tokens the ids stand for, where it is known.
    /// - Throws: `Failure`: missing where the folder does not exist, input/output where no file can be made in it.
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

    /// - Throws: `Failure` (input/output), for a full disk for instance.
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

    /// Finishes, verifies and publishes the file. Appending is over.
    ///
    /// - Throws: `Failure`: damaged data for a dataset without records, input/output where the disk fails.
    public func commit() throws(Failure) {
        try finish()
        try publish()
    }

    /// The first half of `commit`: everything that is likely to fail.
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
                path, "what was written can't be read back (\(error.reason))", remedy: DatasetWriter.diskRemedy)
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

    /// On a failure the temporary goes at once, not only when the writer does.
    private func cleaningUp(_ write: () throws(HDF5Error) -> Void) throws(Failure) {
        do throws(Failure) { try DatasetWriter.writing(path, write) } catch {
            _ = output.take()
            temporary.remove()
            throw error
        }
    }

    private static let diskRemedy = "Check the disk's room, quota and permissions."

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
    /// Made when the first record brings a mask.
    var lossMask: Column<UInt8>?
    /// Entries of the mask, written or not; nil without one.
    private var maskCount: Int?

    init(path: String) throws(HDF5Error) {
        // Locals first: a noncopyable value can't be left half made by a throw.
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

    /// Records without a mask, in a dataset where others have one, count every token.
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

/// A dataset that is written in whole chunks, so that each is checksummed and written once.
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
