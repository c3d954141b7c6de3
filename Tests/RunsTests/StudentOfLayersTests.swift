import Foundation
import Model
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@testable import Runs

@Suite struct StudentOfLayersTests {
    /// The checkpoint's name of a student's tensor.
    private func wholeName(_ name: String, _ layers: [Int]) -> String {
        guard let match = name.firstMatch(of: /^model\.layers\.(\d+)\./) else { return name }
        return "model.layers.\(layers[Int(match.1)!])." + name[match.range.upperBound...]
    }

    private func values(
        _ source: any ParameterSource, _ specification: ParameterSpecification, as name: String
    ) throws -> [UInt32] {
        let stored = try source.matrix(
            named: name, rowCount: specification.rowCount, columnCount: specification.columnCount)
        let matrix = Matrix(rowCount: stored.rowCount, columnCount: stored.columnCount)
        stored.upcast(into: matrix)
        return matrix.values.map(\.bitPattern)
    }

    @Test(
        "a student's tensors are the checkpoint's blocks bit for bit, and so is its export",
        arguments: ["llama/policy", "qwen2/policy"])
    func tensors(model: String) throws {
        let folder = TemporaryFolder()
        let checkpoint = fixtureFolder + "/golden/" + model
        let layers = [3, 1]
        let student = try ModelOrigin(layers: layers, of: checkpoint, place: "run.yaml")
        #expect(student.configuration.layerCount == 2)
        #expect(student.folder == nil && student.tokenizerFolder == checkpoint)
        #expect(student.name == "layers 3, 1 of \(checkpoint)")

        let specifications = ParameterTable(student.configuration).specifications
        let whole = try HuggingFaceCheckpoint(folder: checkpoint)
        var export = try HuggingFaceExport(
            to: folder.file("export"), configurationJSON: student.configurationJSON(for: .float32),
            tensors: specifications.map { .init(name: $0.name, elementType: .float32, shape: $0.shape) },
            copyingFrom: student.tokenizerFolder)
        for specification in specifications {
            let own = try student.source.matrix(
                named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount)
            let matrix = Matrix(rowCount: own.rowCount, columnCount: own.columnCount)
            own.upcast(into: matrix)
            try export.append(matrix, to: specification.name)
        }
        try export.commit()

        let exported = try ModelOrigin(checkpoint: folder.file("export"))
        #expect(exported.configuration == student.configuration)
        for specification in specifications {
            let name = specification.name
            let expected = try values(whole, specification, as: wholeName(name, layers))
            #expect(try values(student.source, specification, as: name) == expected, "\(name)")
            #expect(try values(exported.source, specification, as: name) == expected, "\(name)")
        }
        #expect(specifications.contains { wholeName($0.name, layers) == "model.layers.3.mlp.down_proj.weight" })
    }

    @Test("a student is not the checkpoint it begins with: the first step's check of equal weights does not apply")
    func notTwin() throws {
        let checkpoint = fixtureFolder + "/golden/llama/policy"
        let student = try ModelOrigin(layers: [0, 1, 2, 3], of: checkpoint, place: "run.yaml")
        #expect(!student.hasSameWeights(as: try ModelOrigin(checkpoint: checkpoint)))
    }

    @Test("layers that are not there are refused")
    func refused() throws {
        let failure = try #require(throws: Failure.self) {
            try ModelOrigin(layers: [0, 30], of: fixtureFolder + "/golden/llama/policy", place: "run.yaml")
        }
        #expect(failure.exitCode == .configuration)
        #expect(failure.description.hasPrefix("run.yaml: model.initialize_from.layers: names layer 30, but "))
    }
}
