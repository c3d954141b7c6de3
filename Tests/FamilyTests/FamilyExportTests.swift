import Foundation
import TestSupport
import Testing
import TrainerProbing
import Training
import Weights

@Suite("Exports of families", .serialized)
struct FamilyExportTests {
    /// A Python with Transformers.
    private static let python = ProcessInfo.processInfo.environment["TANDEM_PYTHON"]

    /// Fields that say how a folder was written, not what its model computes.
    private static let ofWriting: Set = ["dtype", "torch_dtype", "transformers_version"]

    /// The fields of a folder's config.json, each as text in one way of writing.
    private func fields(_ folder: String) throws -> [String: String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/config.json"))
        let object = try JSONSerialization.jsonObject(with: data) as! [String: Any]
        return try object.mapValues {
            let data = try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys, .fragmentsAllowed])
            return String(decoding: data, as: UTF8.self)
        }
    }

    private func shapes(_ folder: String) throws -> [String: [Int]] {
        let tensors = try SafetensorsFile(path: folder + "/model.safetensors").tensors
        return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) })
    }

    @Test("an export has the tensors of its source, and each field of its config.json", arguments: FamilyFixture.all)
    func form(family: FamilyFixture) throws {
        let folder = TemporaryFolder()
        try FamilyRun(name: "export").trainer(of: family, in: folder).train(.fresh(overwrite: false))
        let export = folder.file("run/export")
        #expect(try shapes(export) == shapes(family.policy))
        let (source, exported) = (try fields(family.policy), try fields(export))
        for (name, value) in source where !Self.ofWriting.contains(name) {
            #expect(exported[name] == value, "\(name)")
        }
    }

    @Test(
        "Transformers loads an export after a step, and gives Tandem's log-probabilities within 1e-4",
        .enabled(if: python != nil, "TANDEM_PYTHON names no Python with Transformers"), arguments: FamilyFixture.all)
    func inTransformers(family: FamilyFixture) throws {
        let folder = TemporaryFolder()
        let trainer = try FamilyRun(name: "export").trainer(of: family, in: folder)
        try trainer.train(.fresh(overwrite: false))
        let values = try trainer.logProbabilities(ofRecords: Array(family.values().records.indices)).policy
        let file = try folder.write(String(decoding: JSONEncoder().encode(values), as: UTF8.self), to: "values.json")
        let result = try runCommand([
            #require(Self.python), fixtureFolder + "/families/compare_export.py", folder.file("run/export"), family.pairs,
            "--values", file, "--source", family.policy,
        ])
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
    }
}
