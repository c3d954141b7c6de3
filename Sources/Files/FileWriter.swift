import Foundation
import Hashing
import Settings

/// A new file that is written through a buffer and hashed on the way. Every system call is checked. One thread uses it.
///
/// It writes under a temporary name: into a `TemporaryFile`, or into a folder that a `FolderReplacement` puts in place.
public final class FileWriter {
    /// What errors name.
    private let place: String
    private var descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var buffered = 0
    /// The hash of the bytes that were meant, not of those that a disk gives back.
    private var hash: SHA256? = SHA256()
    private var byteCount = 0

    /// Creates the file. Nothing may stand at `path`, and no link is followed.
    ///
    /// - Parameter place: what errors name instead of `path`.
    /// - Throws: `Failure` (input/output).
    public init(path: String, reportedAs place: String? = nil, bufferByteCount: Int = 1 << 20) throws(Failure) {
        invariant(bufferByteCount >= 8, "a buffer holds a number of 8 bytes")
        self.place = place ?? path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        buffer = .allocate(byteCount: bufferByteCount, alignment: 16)
        guard descriptor >= 0 else { throw .system(self.place, "can't be created") }
    }

    deinit {
        close()
        buffer.deallocate()
    }

    /// Gives the file up as it stands; nothing can be written afterwards.
    public func close() {
        if descriptor >= 0 { Foundation.close(descriptor) }
        descriptor = -1
    }

    public func write(_ bytes: some Collection<UInt8>) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if buffered == buffer.count { try flush() }
            let part = rest.prefix(buffer.count - buffered)
            UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]).copyBytes(from: part)
            buffered += part.count
            rest = rest.dropFirst(part.count)
        }
    }

    /// Writes `count` elements of `elementByteCount` bytes each, which `encode` stores piece by piece.
    ///
    /// - Parameter encode: stores the elements of a range at the beginning of a buffer.
    public func write(
        count: Int, elementByteCount: Int, _ encode: (Range<Int>, UnsafeMutableRawBufferPointer) -> Void
    ) throws(Failure) {
        var start = 0
        while start < count {
            let room = (buffer.count - buffered) / elementByteCount
            guard room > 0 else {
                try flush()
                continue
            }
            let end = min(count, start + room)
            encode(start..<end, UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]))
            buffered += (end - start) * elementByteCount
            start = end
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
            guard count > 0 else { throw .system(place, "can't be written") }
            written += count
        }
        buffered = 0
    }

    /// Writes what is left, waits until the disk has it, and closes.
    ///
    /// - Parameter waitsForDisk: if false, a power cut may lose the content.
    /// - Returns: the digest of what was written.
    /// - Throws: `Failure` (input/output): the file's content is then undefined.
    @discardableResult
    public func finish(waitsForDisk: Bool = true) throws(Failure) -> FileDigest {
        try flush()
        if waitsForDisk { try Disk.synchronize(descriptor, place) }
        let status = Foundation.close(descriptor)
        descriptor = -1
        guard status == 0 else { throw .system(place, "can't be closed") }
        return FileDigest(bytes: byteCount, sha256: hash.take()!.digits())
    }
}

extension Failure {
    /// A system call failed; call it before anything else can change `errno`.
    static func system(_ path: String, _ reason: String) -> Failure {
        .inputOutput(path, "\(reason) (\(systemReason()))", remedy: "Check the free space, the path and its permissions.")
    }
}
