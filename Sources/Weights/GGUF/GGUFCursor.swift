import Settings
import Tensors

/// Reads a GGUF file's header from front to back. It checks that the file has the bytes before it reads them or allocates
/// memory.
struct GGUFCursor {
    let path: String
    private let storage: Storage
    private(set) var offset = 0

    init(_ storage: Storage, path: String) {
        self.storage = storage
        self.path = path
    }

    /// Bytes from the cursor to the end of the file.
    var remaining: Int { storage.byteCount - offset }

    private func require(_ byteCount: Int, for what: () -> String) throws(Failure) {
        guard byteCount <= remaining else {
            throw .damagedFile(path, "ends at byte \(storage.byteCount), in the middle of \(what()) (truncated?)")
        }
    }

    mutating func integer<Integer: FixedWidthInteger>(
        _ type: Integer.Type, of what: @autoclosure () -> String
    ) throws(Failure) -> Integer {
        try require(MemoryLayout<Integer>.size, for: what)
        defer { offset += MemoryLayout<Integer>.size }
        return storage.littleEndian(type, at: offset)
    }

    /// Reads a count of items with at least `minimumByteCount` bytes each. Refuses a count that the file can't hold.
    mutating func count(of what: @autoclosure () -> String, minimumByteCount: Int) throws(Failure) -> Int {
        let count = try integer(UInt64.self, of: what())
        guard count <= UInt64(remaining / minimumByteCount) else {
            throw .damagedFile(path, "announces \(count) \(what()), more than its \(storage.byteCount) bytes can hold (truncated?)")
        }
        return Int(count)
    }

    /// Reads a length and a UTF-8 text of this length.
    mutating func string(of what: @autoclosure () -> String) throws(Failure) -> String {
        let length = try count(of: "bytes of \(what())", minimumByteCount: 1)
        defer { offset += length }
        guard let text = String(validating: storage.bytes(offset..<offset + length), as: UTF8.self) else {
            throw .damagedFile(path, "\(what()) is not UTF-8")
        }
        return text
    }
}
