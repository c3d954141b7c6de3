import Foundation
import TestSupport
import Testing

/// Tests over a list of folders pass where the list is empty; these don't.
@Suite("Golden values of families")
struct FamilyManifestTests {
    @Test("each family of the list has its checkpoints, values and gradients", arguments: FamilyFixture.inRepository)
    func complete(family: FamilyFixture) throws {
        for part in ["policy", "ref"] {
            for file in ["config.json", "model.safetensors"] {
                #expect(FileManager.default.fileExists(atPath: "\(family.folder)/\(part)/\(file)"), "\(part)/\(file)")
            }
        }
        let pairs = try readJSONL(family.pairs)
        let values = try family.values()
        #expect(values.records.count == pairs.count && pairs.count >= 2)
        for (pair, record) in zip(pairs, values.records) {
            #expect((pair["chosen_ids"] as? [Int])?.count == record.chosen.count)
            #expect((pair["rejected_ids"] as? [Int])?.count == record.rejected.count)
        }
        let gradients = try #require(try family.gradients())
        #expect(gradients.count > 20)
        let norm = gradients.values.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(norm - values.gradNorm) <= 1e-6 * norm)
    }

    @Test("the list names each folder of Tests/Fixtures/families, and seven at least")
    func list() throws {
        let collection = fixtureFolder + "/families"
        let folders = try FileManager.default.contentsOfDirectory(atPath: collection).filter {
            FileManager.default.fileExists(atPath: "\(collection)/\($0)/policy")
        }
        #expect(Set(folders) == Set(FamilyFixture.inRepository.map(\.name)))
        #expect(folders.count >= 7)
    }

    @Test(
        "the folder that TANDEM_FAMILIES names has families",
        .enabled(if: ProcessInfo.processInfo.environment["TANDEM_FAMILIES"] != nil))
    func onDemand() {
        #expect(!FamilyFixture.onDemand.isEmpty)
    }
}
