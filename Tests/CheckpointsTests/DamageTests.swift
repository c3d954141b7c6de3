import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Checkpoints

@Suite("Checkpoints that can't be trusted")
struct DamageTests {
    /// Of each of the folder's four files; `./launch/test --faults` has a thousand in all.
    private static let flipCount = ProcessInfo.processInfo.environment["TANDEM_ALL_FAULTS"] == nil ? 60 : 250

    private func table() -> RecordTable {
        var table = RecordTable()
        table.records = [3, 1]
        table.ends = [2, 3]
        table.values = [-1.5, -0.25, -3]
        return table
    }

    @Test("a checkpoint as it was saved is whole, for sha256sum too")
    func whole() throws {
        let saved = try SavedCheckpoint(tables: [table()])
        try saved.checkpoint.verifyAll()
        let result = try runCommand(["sha256sum", "--check", "--strict", "manifest.sha256"], folder: saved.checkpoint.path)
        #expect(result.exitCode == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: saved.checkpoint.path)
        let checked = result.output.split(separator: "\n").map { $0.split(separator: ":")[0] }
        #expect(Set(checked.map(String.init)) == Set(names).subtracting(["manifest.sha256"]))
    }

    @Test("every flipped bit, every truncation and every missing file is found, and the file or the manifest is named")
    func everyByte() throws {
        let saved = try SavedCheckpoint(tables: [table()])
        var random = KeyedRandom(key: 11, 1)
        for name in try FileManager.default.contentsOfDirectory(atPath: saved.checkpoint.path) {
            let url = URL(fileURLWithPath: saved.checkpoint.path + "/" + name)
            let whole = try Data(contentsOf: url)
            func expectFound(_ content: Data?, _ what: String) throws {
                if let content { try content.write(to: url) } else { try FileManager.default.removeItem(at: url) }
                let failure = failure { try saved.checkpoint.verifyAll() }
                #expect(
                    failure?.place.contains(name.hasPrefix("manifest") ? "manifest" : name) == true,
                    "\(name): \(what): \(failure.map { "\($0)" } ?? "taken")")
                // A manifest may be damaged into one of another version.
                let codes: [ExitCode] = name == "manifest.json" ? [.damagedData, .configuration] : [content == nil ? .missingInput : .damagedData]
                #expect(failure.map { codes.contains($0.exitCode) } == true || content == nil)
            }
            for _ in 0..<DamageTests.flipCount {
                let place = Int.random(in: 0..<whole.count, using: &random)
                var flipped = whole
                flipped[place] ^= 1 << Int.random(in: 0..<8, using: &random)
                try expectFound(flipped, "a bit of byte \(place)")
            }
            for length in [0, whole.count / 2, whole.count - 1] { try expectFound(whole.prefix(length), "cut to \(length)") }
            try expectFound(whole + [0], "a byte more")
            try expectFound(nil, "removed")
            try whole.write(to: url)
        }
        try saved.checkpoint.verifyAll()
    }

    /// A manifest that its own digests vouch for may still have been written by anyone.
    @Test(
        "a manifest that leads out of its folder or out of bounds is refused",
        arguments: [
            "file ../x", "file /etc/passwd", "file a/b", "file .hidden", "file twice", "digest", "size", "step", "layout", "offset", "shape",
            "rows", "gap", "overlap", "beyond", "parameters", "partial parameter", "no shard",
        ])
    func untrusted(_ what: String) throws {
        let saved = try SavedCheckpoint()
        var manifest = try saved.checkpoint.manifest()
        switch what {
        case _ where what.hasPrefix("file ") && what != "file twice": manifest.files[0].name = String(what.dropFirst(5))
        case "file twice": manifest.files.append(manifest.files[0])
        case "digest": manifest.files[0].sha256 = "0"
        case "size": manifest.files[0].bytes = -1
        case "step": manifest.step = .max
        case "layout": manifest.layout.data = .max
        case "offset": manifest.blocks[0].parameters[1].offset = .max
        case "shape": manifest.blocks[0].parameters[0].shape = [.max, .max]
        case "rows": manifest.blocks[0].parameters[0].rows = [2, 1]
        case "gap": manifest.shards[0].ranges = [[0, 9], [10, 32]]
        case "overlap": manifest.shards[0].ranges = [[0, 11], [10, 32]]
        case "beyond": manifest.shards[0].ranges = [[0, 33]]
        case "parameters": manifest.blocks[0].parameters[1].name = "first"
        case "partial parameter": manifest.blocks[0].parameters[0].rows = [0, 2]
        default: manifest.shards = []
        }
        try saved.checkpoint.write(manifest)
        let failure = failure { _ = try saved.checkpoint.manifest() }
        #expect(failure?.exitCode == .damagedData && failure?.place.hasSuffix("manifest.json") == true, "\(failure.map { "\($0)" } ?? "taken")")
    }

    @Test("a link in place of a file is refused, even to the same bytes", arguments: ["tensor-0-data-0.h5", "manifest.json"])
    func links(_ name: String) throws {
        let saved = try SavedCheckpoint()
        let (path, elsewhere) = (saved.checkpoint.path + "/" + name, saved.folder.file("elsewhere"))
        try FileManager.default.moveItem(atPath: path, toPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: elsewhere)
        #expect(failure { try saved.checkpoint.verifyAll() }?.exitCode == .damagedData)
    }

    @Test("another version's manifest is refused by its number")
    func version() throws {
        let saved = try SavedCheckpoint()
        let path = saved.checkpoint.path + "/manifest.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing("\"format_version\": 2", with: "\"format_version\": 3").write(toFile: path, atomically: true, encoding: .utf8)
        let failure = failure { _ = try saved.checkpoint.manifest() }
        #expect(failure?.exitCode == .configuration && failure?.reason.contains("version 3") == true)
    }
}
