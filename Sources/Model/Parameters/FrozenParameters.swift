import Collectives
import Kernels
import Settings
import Tensors

/// A frozen model's weights: views into the mapped file, in the file's own type, or a copy in another type on request.
///
/// All ranks of a node share the file's pages. Ranks of a node with the same shard share its copy. Vectors (norms, biases)
/// are small and are upcast at loading.
public final class FrozenParameters: ParameterStore {
    private let weights: [StoredMatrix]
    private let vectors: [Int: Matrix]

    private init(weights: [StoredMatrix], vectors: [Int: Matrix]) {
        self.weights = weights
        self.vectors = vectors
    }

    /// - Throws: `Failure` when a tensor is missing or has another shape.
    public convenience init(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource
    ) throws(Failure) {
        var weights: [StoredMatrix] = []
        var vectors: [Int: Matrix] = [:]
        for (index, specification) in table.specifications.enumerated() {
            let part = try source.part(specification, sharding: sharding, rank: rank)
            if specification.isVector {
                let vector = Matrix(rowCount: 1, columnCount: part.columnCount)
                part.upcast(into: vector)
                vectors[index] = vector
            }
            weights.append(part)
        }
        self.init(weights: weights, vectors: vectors)
    }

    /// The head's bias for `rank`'s range of the vocabulary; nil without one.
    public static func headBias(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource
    ) throws(Failure) -> Matrix? {
        guard let bias = table.head.bias else { return nil }
        let part = try source.part(table.specifications[bias], sharding: sharding, rank: rank)
        let vector = Matrix(rowCount: 1, columnCount: part.columnCount)
        part.upcast(into: vector)
        return vector
    }

    /// The head's rows for `rank`'s range of the vocabulary, in the file's own type.
    public static func head(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource
    ) throws(Failure) -> StoredMatrix {
        try source.part(table.specifications[table.head.weight], sharding: sharding, rank: rank)
    }

    /// Bytes of a copy in `type`, where each matrix starts at a multiple of 64 bytes; 0 if all matrices have this type already.
    public func convertedByteCount(_ type: ElementType) -> Int {
        isOther(type) ? offsets(type).last! : 0
    }

    /// The same weights with all matrices in `type`. The ranks of `node` hold the same shard: they make one copy and share
    /// it. Collective over `node`.
    public func converted(to type: ElementType, sharedBy node: NodeGroup) throws(CollectiveError) -> FrozenParameters {
        guard isOther(type) else { return self }
        let offsets = offsets(type)
        let matrices = weights.indices.filter { vectors[$0] == nil }
        func copy(_ place: Int, in storage: Storage) -> StoredMatrix {
            let weight = weights[matrices[place]]
            return StoredMatrix(
                storage: storage, byteOffset: offsets[place], elementType: type, rowCount: weight.rowCount,
                columnCount: weight.columnCount)
        }
        let storage = try node.shared(floatCount: offsets.last! / MemoryLayout<Float>.stride) { storage in
            for place in matrices.indices { weights[matrices[place]].convert(into: copy(place, in: storage)) }
        }
        var converted = weights
        for place in matrices.indices { converted[matrices[place]] = copy(place, in: storage) }
        return FrozenParameters(weights: converted, vectors: vectors)
    }

    private func isOther(_ type: ElementType) -> Bool {
        weights.indices.contains { vectors[$0] == nil && weights[$0].elementType != type }
    }

    /// The byte offset of each matrix in the copy, then the end of the last matrix.
    private func offsets(_ type: ElementType) -> [Int] {
        weights.indices.filter { vectors[$0] == nil }.reduce(into: [0]) { offsets, index in
            let end = offsets.last! + weights[index].rowCount * weights[index].columnCount * type.byteCount
            offsets.append((end + 63) / 64 * 64)
        }
    }

    public func weight(_ index: Int) -> WeightView { .stored(weights[index]) }
    public func vector(_ index: Int) -> Matrix { vectors[index]! }
    public func gradient(_ index: Int) -> Matrix? { nil }
}
