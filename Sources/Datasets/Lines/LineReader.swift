import Files
import Foundation
import Settings

/// Reads a file line by line in bounded memory. Lines end with a newline, which the last line need not have. A byte order mark
/// at the file's beginning is skipped.
struct LineReader {
    /// The number of the line that `next` returned last, from 1; 0 before.
    private(set) var lineNumber = 0
    /// Bytes read from the file, including lines that `next` has not returned yet.
    private(set) var bytesRead = 0

    private let path: String
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    // Where the next line starts in `buffer`, and where the search for its end continues.
    private var start = 0
    private var searched = 0
    private var isAtEnd = false
    private let longestLine: Int

    private static let blockByteCount = 1 << 20
    /// 16 MiB: four million tokens of common text, more than any model reads. To encode a text that is a single word, the
    /// tokenizer needs memory of 28 times its size.
    static let longestLine = 1 << 24

    /// - Throws: `Failure`: missing input if `path` can't be opened; damaged data if it is not a file on a disk.
    init(path: String, longestLine: Int = LineReader.longestLine) throws(Failure) {
        _ = try LineReader.checkedStatus(of: path)
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw .missing(path, "can't be read (\(systemReason()))", remedy: "Check its permissions.")
        }
        self.path = path
        self.handle = handle
        self.longestLine = longestLine
    }

    /// The status of a file of records. The check opens no file, because opening a pipe could block.
    static func checkedStatus(of path: String) throws(Failure) -> FileStatus {
        guard let status = FileStatus(path) else {
            throw .missing(path, "can't be found (\(systemReason()))", remedy: "Check the path.")
        }
        guard !status.isFolder else { throw .damaged(path, "is a folder", remedy: "Name the JSONL files in it.") }
        guard status.isRegular, !status.isOfKernel else {
            let kind = status.isPipe ? "a pipe" : status.isRegular ? "a file that the kernel makes up" : "a device or socket"
            throw .damaged(
                path, "is \(kind), and records are read from files on a disk",
                remedy: "Write the records into a file first, and name that file.")
        }
        return status
    }

    /// The bytes of the next line without its newline, or nil at the end.
    ///
    /// - Throws: `Failure`: input/output if reading fails; damaged data for a line longer than `longestLine`.
    mutating func next() throws(Failure) -> ArraySlice<UInt8>? {
        while true {
            if let end = newline() {
                try checkLength(end - start)
                defer { (start, searched) = (end + 1, end + 1) }
                lineNumber += 1
                return buffer[start..<end]
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count else { return nil }
                try checkLength(buffer.count - start)
                defer { start = buffer.count }
                lineNumber += 1
                return buffer[start...]
            }
            try checkLength(buffer.count - start)
            try readBlock()
        }
    }

    private func newline() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard searched < bytes.count, let base = bytes.baseAddress,
                let found = memchr(base + searched, Int32(UInt8(ascii: "\n")), bytes.count - searched)
            else { return nil }
            return found - UnsafeMutableRawPointer(mutating: base)
        }
    }

    private func checkLength(_ byteCount: Int) throws(Failure) {
        guard byteCount > longestLine else { return }
        throw .damaged(
            "\(path):\(lineNumber + 1)", "a line of more than \(longestLine >> 20) MiB",
            remedy: "Give JSONL: one record a line, and long texts in several records.")
    }

    private mutating func readBlock() throws(Failure) {
        buffer.removeFirst(start)
        searched -= start
        start = 0
        do {
            let block = try handle.read(upToCount: LineReader.blockByteCount) ?? Data()
            isAtEnd = block.isEmpty
            if bytesRead == 0, block.starts(with: JSONScanner.byteOrderMark) {
                (start, searched) = (JSONScanner.byteOrderMark.count, JSONScanner.byteOrderMark.count)
            }
            bytesRead += block.count
            buffer.append(contentsOf: block)
        } catch {
            throw .inputOutput(path, "can't be read (\(error))", remedy: "Check the file system.")
        }
    }
}
