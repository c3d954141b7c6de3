import Settings
import Tensors

/// The header of a GGUF file: metadata, and every tensor's type, shape and place.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The file has the letters GGUF, a version, two counts,
/// key/value pairs, tensor descriptions, padding and the data. Versions 2 and 3 are read. They are the same for little-endian
/// files.
struct GGUFHeader {
    /// The metadata in the order of the file. Keys are unique.
    let metadata: [(key: String, value: GGUFValue)]
    /// The tensors in the order of the file. Names are unique and data don't overlap.
    let tensors: [GGUFTensor]

    /// Bytes of the shortest key/value pair: an empty key, a type, one byte.
    private static let pairByteCount = 13
    /// Bytes of the shortest tensor description: an empty name, one dimension, a type and a place.
    private static let descriptionByteCount = 32

    /// - Throws: `Failure`: damaged data, or configuration (a version or type that is not implemented), naming the file
    ///   and the key or tensor.
    init(_ storage: Storage, path: String) throws(Failure) {
        var cursor = GGUFCursor(storage, path: path)
        try GGUFHeader.checkFormat(storage, &cursor)
        let tensorCount = try cursor.count(of: "tensors", minimumByteCount: GGUFHeader.descriptionByteCount)
        let pairCount = try cursor.count(of: "metadata keys", minimumByteCount: GGUFHeader.pairByteCount)
        metadata = try GGUFHeader.readMetadata(pairCount, &cursor)
        let alignment = try GGUFHeader.alignment(metadata, path: path)
        var descriptions: [Description] = []
        descriptions.reserveCapacity(tensorCount)
        for _ in 0..<tensorCount { descriptions.append(try Description(&cursor)) }
        // The sum can't overflow: the cursor is inside the file, and the alignment fits 32 bits.
        let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
        var tensors: [GGUFTensor] = []
        tensors.reserveCapacity(tensorCount)
        for description in descriptions {
            tensors.append(
                try description.placed(
                    dataStart: dataStart, alignment: alignment, fileByteCount: storage.byteCount, path: path))
        }
        try GGUFHeader.checkDistinct(tensors, path: path)
        self.tensors = tensors
    }

    /// Checks the first letters and the version.
    private static func checkFormat(_ storage: Storage, _ cursor: inout GGUFCursor) throws(Failure) {
        let path = cursor.path
        let start = storage.bytes(0..<min(8, storage.byteCount))
        guard start != Array("version ".utf8) else {
            throw .damaged(
                path, "is a Git LFS pointer, not the model itself", remedy: "Run `git lfs pull` in its folder.")
        }
        guard start.starts(with: "GGUF".utf8.prefix(start.count)) else {
            throw .damaged(
                path, "is not a GGUF file: it does not begin with the letters GGUF",
                remedy: "Give a GGUF file, or the folder of a Hugging Face model.")
        }
        _ = try cursor.integer(UInt32.self, of: "its first letters")
        let version = try cursor.integer(UInt32.self, of: "its version")
        guard version != 2 && version != 3 else { return }
        let remedy = "Convert the original model again with a current llama.cpp, for a little-endian machine."
        guard version & 0xFFFF != 0 else {
            guard version != 0 else { throw .damagedFile(path, "says that it is GGUF version 0") }
            throw .configuration(
                path, "is a big-endian GGUF file (version \(version.byteSwapped)), which is not implemented",
                remedy: remedy)
        }
        throw .configuration(
            path, "is GGUF version \(version), which is not implemented; only versions 2 and 3 are", remedy: remedy)
    }

    private static func readMetadata(
        _ count: Int, _ cursor: inout GGUFCursor
    ) throws(Failure) -> [(key: String, value: GGUFValue)] {
        var pairs: [(key: String, value: GGUFValue)] = []
        var keys: Set<String> = []
        for index in 0..<count {
            let key = try cursor.string(of: "metadata key \(index)")
            guard keys.insert(key).inserted else {
                throw .damagedFile(cursor.path, "metadata key \(key.printable) occurs twice")
            }
            pairs.append((key, try cursor.value(of: key)))
        }
        return pairs
    }

    private static func alignment(_ metadata: [(key: String, value: GGUFValue)], path: String) throws(Failure) -> Int {
        guard let value = metadata.first(where: { $0.key == "general.alignment" })?.value else { return 32 }
        guard let alignment = value.integer, alignment > 0, alignment <= 1 << 31, alignment.nonzeroBitCount == 1 else {
            throw .damagedFile(path, "general.alignment = \(value.excerpt) is not a power of two that fits 32 bits")
        }
        return alignment
    }

    private static func checkDistinct(_ tensors: [GGUFTensor], path: String) throws(Failure) {
        var names: Set<String> = []
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw .damagedFile(path, "tensor \(tensor.name.printable) occurs twice")
            }
        }
        let ordered = tensors.sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
        for (earlier, later) in zip(ordered, ordered.dropFirst())
        where later.byteRange.lowerBound < earlier.byteRange.upperBound {
            throw .damagedFile(path, "tensors \(earlier.name.printable) and \(later.name.printable) overlap")
        }
    }
}

extension GGUFHeader {
    /// A tensor description of the file.
    private struct Description {
        let name: String
        /// The dimensions in the file's order, the fastest first.
        let dimensions: [Int]
        let type: GGUFTensorType
        /// Bytes from the start of the data.
        let offset: UInt64

        init(_ cursor: inout GGUFCursor) throws(Failure) {
            let path = cursor.path
            let name = try cursor.string(of: "a tensor's name")
            let place = "tensor \(name.printable)"
            let dimensionCount = try cursor.integer(UInt32.self, of: place)
            guard (1...4).contains(dimensionCount) else {
                throw .damagedFile(path, "\(place) has \(dimensionCount) dimensions; GGUF allows 1 to 4")
            }
            var dimensions: [Int] = []
            for _ in 0..<dimensionCount {
                let size = try cursor.integer(UInt64.self, of: place)
                guard size >= 1, size <= UInt64(Int32.max) else {
                    throw .damagedFile(path, "\(place) has a dimension of \(size), not of 1 to \(Int32.max)")
                }
                dimensions.append(Int(size))
            }
            let number = try cursor.integer(UInt32.self, of: place)
            guard let type = GGUFTensorType(number: number) else {
                throw .configuration(
                    path, "\(place) is stored as type \(number), which is not known; only \(GGUFTensorType.readable) are read",
                    remedy: "Use a GGUF file in one of these types.")
            }
            self.name = name
            self.dimensions = dimensions
            self.type = type
            offset = try cursor.integer(UInt64.self, of: place)
        }

        /// The tensor, after the check that its data lie inside the file.
        func placed(
            dataStart: Int, alignment: Int, fileByteCount: Int, path: String
        ) throws(Failure) -> GGUFTensor {
            let place = "tensor \(name.printable)"
            guard dimensions[0].isMultiple(of: type.blockElementCount) else {
                throw .damagedFile(
                    path,
                    "\(place) has rows of \(dimensions[0]), but \(type.name) comes in blocks of \(type.blockElementCount)")
            }
            var byteCount = dimensions[0] / type.blockElementCount * type.blockByteCount
            for size in dimensions.dropFirst() {
                let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
                guard !overflow else { throw .damagedFile(path, "\(place) is larger than any memory") }
                byteCount = product
            }
            guard offset.isMultiple(of: UInt64(alignment)) else {
                throw .damagedFile(path, "\(place) begins at byte \(offset) of the data, not a multiple of the alignment \(alignment)")
            }
            let available = max(0, fileByteCount - dataStart)
            guard byteCount <= available, offset <= UInt64(available - byteCount) else {
                throw .damagedFile(
                    path,
                    "\(place) takes \(byteCount) bytes from byte \(offset) of the data, but the file has \(available) "
                        + "(truncated?)")
            }
            let start = dataStart + Int(offset)
            return GGUFTensor(
                name: name, type: type, shape: dimensions.reversed(), byteRange: start..<start + byteCount)
        }
    }
}
