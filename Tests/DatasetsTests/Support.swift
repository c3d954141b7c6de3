import Foundation
import Settings
import Testing

@testable import Datasets

/// A folder of one test, gone afterwards.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "datasets-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try write(Data(text.utf8), to: name)
    }

    @discardableResult
    func write(_ data: Data, to name: String) throws -> String {
        try data.write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

func bytes(of path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

/// The failure that `body` ends with; a body that succeeds is an issue.
func failure<Value>(
    of body: () throws(Failure) -> Value, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Failure {
    var found: Failure?
    do throws(Failure) { _ = try body() } catch { found = error }
    return try #require(found, "it succeeded", sourceLocation: sourceLocation)
}

/// The failure that a preparation ends with.
func failureOfPreparing(_ request: PrepareRequest, sourceLocation: SourceLocation = #_sourceLocation) throws -> Failure {
    try failure(of: { () throws(Failure) in try prepare(request) }, sourceLocation: sourceLocation)
}

/// Pairs of different lengths with ids that tell parts and records apart.
func samplePairs(_ count: Int) -> [DatasetRecord] {
    (0..<count).map { index in
        let start = Int32(1000 * (index + 1))
        return DatasetRecord(
            prompt: (0..<Int32(3 + index % 5)).map { start + $0 },
            chosen: (0..<Int32(2 + index % 7)).map { start + 300 + $0 },
            rejected: (0..<Int32(1 + index % 4)).map { start + 600 + $0 })
    }
}

@discardableResult
func writePairs(_ pairs: [DatasetRecord], to path: String) throws -> DatasetFile {
    let writer = try DatasetWriter(path: path, kind: .preference)
    for pair in pairs { try writer.append(pair) }
    try writer.commit()
    return try DatasetFile(path: path)
}

func line(_ pair: DatasetRecord) -> String {
    #"{"prompt_ids": \#(pair.prompt), "chosen_ids": \#(pair.chosen), "rejected_ids": \#(pair.rejected)}"#
}
