import Foundation
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@Suite("Damaged weights") struct WeightsDamageTests {
    /// Everything that a run can read of a checkpoint's folder.
    private struct Content: Equatable {
        var configuration: ModelConfiguration
        var tensors: [SafetensorsTensor]
        var values: [[Float]]
    }

    private let folder = TemporaryFolder()
    private let source = fixtureFolder + "/distillation/student"

    @Test("a safetensors file whose header has a flipped bit, or that is cut anywhere, is refused or read to the same tensors")
    func header() throws {
        let intact = try copy("model.safetensors")
        _ = try copy("config.json")
        let content = try read()
        let names = Set(content.tensors.map(\.name))
        let headerEnd = 8 + intact.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(headerEnd < intact.count / 10)
        let outcomes = try Outcomes.of(
            Damage.random(of: intact, in: 0..<headerEnd, seed: 1), to: intact, intact: content
        ) { bytes in
            try write("model.safetensors", bytes)
            return try read(known: names)
        }
        #expect(outcomes.wrong == [])
        #expect(outcomes.refused > Damage.count * 3 / 4, "\(outcomes.harmless) were harmless")
    }

    @Test("any file of an export that has a flipped bit, or is cut, is found by SHA256SUMS")
    func export() throws {
        let path = try exportedFolder()
        let content = try read(path)
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(names == ["SHA256SUMS", "config.json", "model.safetensors", "tokenizer.json"])
        for (index, name) in names.enumerated() {
            let url = URL(fileURLWithPath: "\(path)/\(name)")
            let intact = [UInt8](try Data(contentsOf: url))
            let outcomes = try Outcomes.of(Damage.random(of: intact, seed: UInt64(index)), to: intact, intact: content) {
                try Data($0).write(to: url)
                try #require(try FolderDigests(folder: path)).verify()
                return try read(path)
            }
            try Data(intact).write(to: url)
            #expect(outcomes.wrong == [], "\(name)")
            // A list that is cut at a line's end is a shorter list.
            #expect(name == "SHA256SUMS" ? outcomes.harmless < Damage.count / 20 : outcomes.harmless == 0, "\(name)")
        }
    }

    private func exportedFolder() throws -> String {
        let source = try HuggingFaceCheckpoint(folder: self.source)
        let path = folder.file("export")
        var export = try HuggingFaceExport(
            to: path, configurationJSON: source.configurationJSON,
            tensors: source.tensors.map { .init(name: $0.name, elementType: .float32, shape: $0.shape) },
            adding: ["tokenizer.json": Data("{}".utf8)])
        for tensor in source.tensors {
            let rowCount = tensor.shape.dropLast().reduce(1, *)
            let matrix = Matrix(rowCount: rowCount, columnCount: tensor.shape.last!)
            try source.matrix(named: tensor.name, rowCount: rowCount, columnCount: tensor.shape.last!).upcast(into: matrix)
            try export.append(matrix, to: tensor.name)
        }
        try export.commit()
        return path
    }

    @Test("a config.json that is cut anywhere is refused, and one with a flipped bit never ends the reader otherwise")
    func configuration() throws {
        let intact = try copy("config.json")
        _ = try copy("model.safetensors")
        let content = try read()
        for byteCount in 0..<intact.count - 1 {
            try write("config.json", Array(intact.prefix(byteCount)))
            #expect(throws: Failure.self) { try read() }
        }
        for damage in Damage.random(of: intact, seed: 2) {
            try write("config.json", damage.applied(to: intact))
            // A digit may become another digit: nothing in this file could tell.
            guard let read = try? read() else { continue }
            #expect(read.tensors == content.tensors)
        }
    }

    private func copy(_ name: String) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(source)/\(name)")))
        try write(name, bytes)
        return bytes
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
    }

    private func read(_ path: String? = nil, known: Set<String>? = nil) throws -> Content {
        let checkpoint = try HuggingFaceCheckpoint(folder: path ?? folder.path)
        if let known {
            try checkpoint.checkNothingUnexpected(known: known)
            guard Set(checkpoint.tensorNames) == known else {
                throw Failure.damaged(folder.path, "a tensor is missing", remedy: "")
            }
        }
        let tensors = checkpoint.tensors
        return Content(
            configuration: checkpoint.configuration, tensors: tensors,
            values: try tensors.map { tensor in
                let columnCount = tensor.shape.last ?? 1
                let rowCount = tensor.shape.dropLast().reduce(1, *)
                let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
                try checkpoint.matrix(named: tensor.name, rowCount: rowCount, columnCount: columnCount).upcast(into: matrix)
                return matrix.values
            })
    }
}
