import Foundation
import Model
import Settings
import Tensors
import Weights

/// A small model whose heads and vocabulary don't divide by two: 9 query heads in 3 groups, 509 tokens.
public func unevenConfiguration(_ family: ModelFamily) -> ModelConfiguration {
    ModelConfiguration(
        family: family, vocabularySize: 509, hiddenSize: 40, feedForwardSize: 112, layerCount: 3, headCount: 9,
        keyValueHeadCount: 3, headDimension: 8, ropeTheta: 10_000, normEpsilon: 1e-5,
        tiedEmbeddings: family == .qwen2, projectionBias: family == .qwen2, maximumPositions: 256, initializerRange: 0.08)
}

/// Writes a randomly initialised model as a Hugging Face folder; norms and biases are moved off their usual 1 and 0.
/// It has no `SHA256SUMS`, like most folders, so that tests may change its files.
@discardableResult
public func makeCheckpoint(
    _ configuration: ModelConfiguration, seed: UInt64, elementType: ElementType = .float32, in folder: TemporaryFolder,
    named name: String
) throws -> String {
    let specifications = ParameterTable(configuration).specifications
    let source = RandomParameters(configuration: configuration, seed: seed)
    var export = try HuggingFaceExport(
        to: folder.file(name), configurationJSON: HuggingFaceConfiguration.json(for: configuration, elementType: elementType),
        tensors: specifications.map { .init(name: $0.name, elementType: elementType, shape: $0.shape) })
    for specification in specifications {
        let matrix = Matrix(rowCount: specification.rowCount, columnCount: specification.columnCount)
        try source.matrix(
            named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount
        ).upcast(into: matrix)
        if specification.isVector {
            var random = KeyedRandom(key: seed, 3)
            for column in 0..<matrix.columnCount { matrix[0, column] += Float(0.2 * (random.nextUnit() - 0.5)) }
        }
        try export.append(matrix, to: specification.name)
    }
    try export.commit()
    try FileManager.default.removeItem(atPath: "\(folder.file(name))/\(FolderDigests.fileName)")
    return folder.file(name)
}

/// A bfloat16 Hugging Face folder whose file has its whole size but nothing in it: it takes no room on the disk.
@discardableResult
public func makeEmptyCheckpoint(
    _ configuration: ModelConfiguration, in folder: TemporaryFolder, named name: String
) throws -> String {
    let path = folder.file(name)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try HuggingFaceConfiguration.json(for: configuration, elementType: .bfloat16)
        .write(to: URL(fileURLWithPath: path + "/config.json"))
    var end = 0
    let entries = ParameterTable(configuration).specifications.map { specification in
        let start = end
        end += 2 * specification.rowCount * specification.columnCount
        return #""\#(specification.name)":{"dtype":"BF16","shape":\#(specification.shape),"data_offsets":[\#(start),\#(end)]}"#
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    let file = path + "/model.safetensors"
    try (withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header).write(to: URL(fileURLWithPath: file))
    guard truncate(file, 8 + header.count + end) == 0 else { throw CocoaError(.fileWriteOutOfSpace) }
    return path
}

/// Tensors of a safetensors file as Doubles, float64 files included.
public func readTensors(_ path: String) throws -> [String: [Double]] {
    let file = try SafetensorsFile(path: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    let start = 8 + bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    var tensors: [String: [Double]] = [:]
    for tensor in file.tensors {
        tensors[tensor.name] = bytes.withUnsafeBytes { raw in
            (0..<tensor.elementCount).map { index in
                let place = start + tensor.byteRange.lowerBound
                return tensor.type == .float64
                    ? raw.loadUnaligned(fromByteOffset: place + 8 * index, as: Double.self)
                    : Double(raw.loadUnaligned(fromByteOffset: place + 4 * index, as: Float.self))
            }
        }
    }
    return tensors
}

/// Root mean square of the difference, relative to the expected values'.
public func relativeRootMeanSquare(_ actual: [Double], _ expected: [Double]) -> Double {
    precondition(actual.count == expected.count)
    let difference = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let scale = expected.reduce(0) { $0 + $1 * $1 }
    return scale == 0 ? difference.squareRoot() : (difference / scale).squareRoot()
}
