import Settings
import Tensors

/// A mapped safetensors file. Its tensors are views of the file, shared with every other process that maps it.
///
/// The file must not be truncated or rewritten in place while it is open: reading a lost page kills the process.
public struct SafetensorsFile: Sendable {
    public let path: String
    /// The header's `__metadata__`. Empty if the header has none.
    public let metadata: [String: String]
    /// The tensors in the order of their data.
    public let tensors: [SafetensorsTensor]

    private let storage: Storage
    private let dataStart: Int
    private let positions: [String: Int]

    /// Maps the file and checks its whole header.
    ///
    /// - Throws: `Failure`: missing (no such file) or damaged data, naming the file, tensor and field.
    public init(path: String) throws(Failure) {
        let storage = try Storage(mapping: path)
        let prefix = SafetensorsHeader.lengthByteCount
        guard storage.byteCount >= prefix else {
            throw .damagedFile(path, "is \(storage.byteCount) bytes long, too short for a safetensors file")
        }
        let lengthBytes = storage.bytes(0..<prefix)
        guard lengthBytes != Array("version ".utf8) else {
            throw .damaged(
                path, "is a Git LFS pointer, not the weights themselves", remedy: "Run `git lfs pull` in its folder.")
        }
        let length = lengthBytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(SafetensorsHeader.byteLimit) else {
            throw .damagedFile(
                path, "announces a header of \(length) bytes; safetensors allows \(SafetensorsHeader.byteLimit)")
        }
        let dataStart = prefix + Int(length)
        guard dataStart <= storage.byteCount else {
            throw .damagedFile(
                path, "announces a header of \(length) bytes, but is only \(storage.byteCount) bytes long (truncated?)")
        }
        let header = try SafetensorsHeader(
            storage.bytes(prefix..<dataStart), dataByteCount: storage.byteCount - dataStart, path: path)
        self.path = path
        self.storage = storage
        self.dataStart = dataStart
        metadata = header.metadata
        tensors = header.tensors
        positions = try SafetensorsFile.positions(of: header.tensors, path: path)
    }

    /// The JSON parser has compared the names by their bytes. `String` also counts Unicode-equivalent names as equal.
    private static func positions(of tensors: [SafetensorsTensor], path: String) throws(Failure) -> [String: Int] {
        var positions: [String: Int] = [:]
        positions.reserveCapacity(tensors.count)
        for (index, tensor) in tensors.enumerated() {
            guard positions.updateValue(index, forKey: tensor.name) == nil else {
                throw .damagedFile(path, "the name \"\(tensor.name.printable)\" occurs twice")
            }
        }
        return positions
    }

    /// The header entry of a tensor. Nil if the file has no tensor with this name.
    public func tensor(named name: String) -> SafetensorsTensor? {
        positions[name].map { tensors[$0] }
    }

    /// The full tensor, `rowCount × columnCount`, in the type of the file. A single row may be stored as a vector.
    ///
    /// - Throws: `Failure` (damaged data) if the tensor is missing, or has another shape or an unsupported type.
    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try matrix(named: name, shape: rowCount == 1 ? [columnCount] : [rowCount, columnCount])
    }

    /// The full tensor of `shape`, in the type of the file; all dimensions but the last form the rows. A vector may be stored as
    /// a single row.
    ///
    /// - Throws: `Failure` (damaged data) if the tensor is missing, or has another shape or an unsupported type.
    func matrix(named name: String, shape: [Int]) throws(Failure) -> StoredMatrix {
        let place = "tensor \(name.printable)"
        guard let tensor = tensor(named: name) else {
            throw .damaged(path, "has no \(place)", remedy: "Check that config.json belongs to these weights.")
        }
        guard tensor.shape == shape || (shape.count == 1 && tensor.shape == [1] + shape) else {
            throw .damaged(
                path, "\(place) has shape \(tensor.shape.printable), but config.json asks for \(shape)",
                remedy: "Check that config.json belongs to these weights.")
        }
        guard let stored = stored(tensor) else {
            throw .damaged(
                path, "\(place) is stored as \(tensor.type.rawValue); only F32, F16 and BF16 are read",
                remedy: "Convert the checkpoint to one of these types.")
        }
        return stored
    }

    /// All numbers of a tensor as a matrix; all dimensions but the last form the rows. Nil for an unsupported type.
    func stored(_ tensor: SafetensorsTensor) -> StoredMatrix? {
        tensor.type.elementType.map { type in
            StoredMatrix(
                storage: storage, byteOffset: dataStart + tensor.byteRange.lowerBound, elementType: type,
                rowCount: tensor.shape.dropLast().reduce(1, *), columnCount: tensor.shape.last ?? 1)
        }
    }
}
