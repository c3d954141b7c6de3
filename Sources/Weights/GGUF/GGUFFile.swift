import Foundation
import Settings
import Tensors

/// A mapped GGUF file with its metadata and tensors. Numbers are decoded on request.
///
/// The file must not be truncated or rewritten in place while it is open: reading a lost page kills the process.
public struct GGUFFile: Sendable {
    public let path: String
    /// The tensors in the order of the file.
    public let tensors: [GGUFTensor]

    let metadata: GGUFMetadata
    private let storage: Storage
    private let positions: [String: Int]

    /// Maps the file and checks its whole header.
    ///
    /// - Throws: `Failure`: missing (no such file), damaged data, or configuration (a version or type that is not
    ///   implemented), naming the file and the key or tensor.
    public init(path: String) throws(Failure) {
        storage = try Storage(mapping: path)
        let header = try GGUFHeader(storage, path: path)
        self.path = path
        tensors = header.tensors
        metadata = GGUFMetadata(path: path, pairs: header.metadata)
        positions = Dictionary(uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
    }

    /// The header entry of a tensor. Nil if the file has no tensor with this name.
    public func tensor(named name: String) -> GGUFTensor? { positions[name].map { tensors[$0] } }

    /// The count of stored numbers over all tensors.
    public var totalParameterCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

    /// The types of the tensors for a person: `Q4_1 (210 tensors), F32 (61), Q8_0 (1)`.
    public var elementTypeSummary: String {
        let counts = Dictionary(grouping: tensors, by: \.type.name).mapValues(\.count)
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        guard counts.count > 1 else { return counts.first?.key ?? "no tensors" }
        return counts.enumerated()
            .map { "\($1.key) (\($1.value)\($0 == 0 ? " tensors" : ""))" }.joined(separator: ", ")
    }

    /// The model's name for a person, as the file gives it.
    public var title: String? { metadata["general.name"]?.text?.printable }
    /// The model's architecture for a person, implemented or not.
    public var architecture: String? { metadata["general.architecture"]?.text?.printable }

    /// Refuses a tensor of a type that Tandem can't decode.
    func checkReadable(_ tensor: GGUFTensor) throws(Failure) {
        guard tensor.type.encoding == nil else { return }
        throw .configuration(
            path,
            "tensor \(tensor.name.printable) is stored as \(tensor.type.name), which is not implemented; only "
                + "\(GGUFTensorType.readable) are read",
            remedy: "Use a GGUF file in one of these types.")
    }

    /// Whether two tensors hold the same numbers. If their types differ, both types must be readable.
    func holdSameValues(_ first: GGUFTensor, _ second: GGUFTensor) throws(Failure) -> Bool {
        guard first.shape == second.shape else { return false }
        if first.type == second.type {
            return memcmp(
                storage.base + first.byteRange.lowerBound, storage.base + second.byteRange.lowerBound, first.byteRange.count) == 0
        }
        try checkReadable(first)
        try checkReadable(second)
        return (0..<first.rowCount).allSatisfy { row in
            rows(row..<row + 1, of: first).values.elementsEqual(rows(row..<row + 1, of: second).values) {
                $0.bitPattern == $1.bitPattern
            }
        }
    }

    /// The rows `sources` of `tensor`, in any order, as float32. The tensor's type must be readable.
    func rows(_ sources: some Collection<Int>, of tensor: GGUFTensor) -> Matrix {
        guard let encoding = tensor.type.encoding else { brokenInvariant("\(tensor.type.name) is not read") }
        let result = Matrix(rowCount: sources.count, columnCount: tensor.columnCount)
        for (target, source) in sources.enumerated() {
            invariant(source >= 0 && source < tensor.rowCount, "a row is one of its tensor's")
            storage.decodeRow(
                at: tensor.byteRange.lowerBound + source * tensor.rowByteCount, as: encoding, into: result, row: target)
        }
        return result
    }
}

extension GGUFValue {
    var text: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    var flag: Bool? {
        guard case .flag(let flag) = self else { return nil }
        return flag
    }

    var elements: [GGUFValue]? {
        guard case .list(let elements) = self else { return nil }
        return elements
    }
}
