import Foundation
import Hashing
import Settings
import Tensors

/// A file that is written through a buffer. Every system call is checked. Only one thread uses it.
final class OutputFile {
    let path: String
    private var descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var buffered = 0
    /// The hash of the bytes before they go to the disk, so a disk that changes bytes is detected later.
    private var hash: SHA256? = SHA256()
    private var byteCount = 0

    /// Creates the file, or empties an existing one.
    ///
    /// - Throws: `Failure` (input/output).
    init(path: String, bufferByteCount: Int = 1 << 20) throws(Failure) {
        invariant(bufferByteCount >= 8, "a buffer holds a number of 8 bytes")
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .system(path, "can't be created") }
        self.path = path
        self.descriptor = descriptor
        buffer = .allocate(byteCount: bufferByteCount, alignment: 16)
    }

    deinit {
        close()
        buffer.deallocate()
    }

    /// Closes the file without writing the buffer. Nothing can be written afterwards.
    func close() {
        if descriptor >= 0 { Foundation.close(descriptor) }
        descriptor = -1
    }

    func write(_ bytes: some Collection<UInt8>) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if buffered == buffer.count { try flush() }
            let part = rest.prefix(buffer.count - buffered)
            UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]).copyBytes(from: part)
            buffered += part.count
            rest = rest.dropFirst(part.count)
        }
    }

    /// Writes all rows of `matrix` without gaps as `elementType`. bfloat16 is rounded to nearest, ties to even.
    func write(_ matrix: Matrix, as elementType: ElementType) throws(Failure) {
        for index in 0..<matrix.rowCount {
            var row = UnsafeBufferPointer(start: matrix.row(index), count: matrix.columnCount)[...]
            while !row.isEmpty {
                let room = (buffer.count - buffered) / elementType.byteCount
                guard room > 0 else {
                    try flush()
                    continue
                }
                let part = UnsafeBufferPointer(rebasing: row.prefix(room))
                encode(part, as: elementType, into: UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]))
                buffered += part.count * elementType.byteCount
                row = row.dropFirst(part.count)
            }
        }
    }

    private func encode(
        _ values: UnsafeBufferPointer<Float>, as elementType: ElementType, into target: UnsafeMutableRawBufferPointer
    ) {
        switch elementType {
        case .float32: target.copyMemory(from: UnsafeRawBufferPointer(values))
        case .bfloat16:
            for index in values.indices {
                target.storeBytes(of: bfloat16Bits(values[index]), toByteOffset: 2 * index, as: UInt16.self)
            }
        case .float16: brokenInvariant("nothing is exported as float16")
        }
    }

    private func flush() throws(Failure) {
        hash!.update(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
        byteCount += buffered
        var written = 0
        while written < buffered {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[written..<buffered])
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .system(path, "can't be written") }
            written += count
        }
        buffered = 0
    }

    /// Writes the rest of the buffer, waits until the disk has the file, and closes it.
    ///
    /// - Returns: the digest of the file.
    /// - Throws: `Failure` (input/output). The file's content is then undefined.
    func finish() throws(Failure) -> FileDigest {
        try flush()
        guard fsync(descriptor) == 0 else { throw .system(path, "can't be brought to disk") }
        let status = Foundation.close(descriptor)
        descriptor = -1
        guard status == 0 else { throw .system(path, "can't be closed") }
        return FileDigest(bytes: byteCount, sha256: hash.take()!.digits())
    }
}

extension Failure {
    /// The failure of a system call, with the cause from `errno`. Call it directly after the system call.
    static func system(_ path: String, _ reason: String) -> Failure {
        let cause = String(cString: strerror(errno))
        return .inputOutput(
            path, "\(reason) (\(cause))", remedy: "Check the disk's space, the path and its permissions.")
    }
}
