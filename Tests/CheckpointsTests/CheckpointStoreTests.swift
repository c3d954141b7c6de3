import Checkpoints
import Foundation
import Settings
import Tensors
import Testing

@Suite("A run's checkpoints")
struct CheckpointStoreTests {
    private func names(_ saved: SavedCheckpoint) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: saved.store.folder).sorted()
    }

    @Test("the newest are kept, and those of steps that keep_every divides")
    func keeping() throws {
        let saved = try SavedCheckpoint(steps: [2, 3, 4, 6, 7, 8])
        try saved.store.prune(keeping: 2, every: 3)
        #expect(saved.store.steps == [3, 6, 7, 8])
        try saved.store.prune(keeping: 1)
        #expect(try names(saved) == ["step-8"])
    }

    @Test("what a killed run left half-written or half-removed goes, and an earlier checkpoint that was being replaced stays")
    func leftovers() throws {
        let saved = try SavedCheckpoint(steps: [4, 6])
        let (manager, folder) = (FileManager.default, saved.store.folder)
        try manager.copyItem(atPath: folder + "/step-4", toPath: folder + "/.step-8.partial")
        try manager.copyItem(atPath: folder + "/step-4", toPath: folder + "/.step-2.removed")
        try manager.copyItem(atPath: folder + "/step-6", toPath: folder + "/.step-6.replaced")
        try manager.moveItem(atPath: folder + "/step-4", toPath: folder + "/.step-4.replaced")
        try saved.store.removeLeftovers()
        #expect(try names(saved) == ["step-4", "step-6"])
        try saved.checkpoint.verifyAll()
    }

    @Test("notes beside checkpoints and in them outlive pruning, saving again and removing all")
    func notes() throws {
        let saved = try SavedCheckpoint(steps: [2, 4, 6])
        let (folder, manager) = (saved.store.folder, FileManager.default)
        for place in ["notes.txt", "step-2/why.txt", "step-4/why.txt"] {
            try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(place)"))
        }
        try saved.store.prune(keeping: 1)
        #expect(saved.store.steps == [2, 4, 6])
        try saved.save(step: 4)
        try saved.checkpoint.verifyAll()
        // Killed after the renames, before the note was moved.
        try manager.createDirectory(atPath: folder + "/.step-6.replaced", withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder + "/.step-6.replaced/late.txt"))
        try saved.store.removeLeftovers()
        #expect(try names(saved) == ["notes.txt", "step-2", "step-4", "step-6"])
        _ = try saved.store.setAside(after: 4, copying: [])
        try saved.store.removeAll()
        #expect(saved.store.steps == [])
        for place in ["notes.txt", "step-2/why.txt", "step-4/why.txt", "set-aside-1/step-6/late.txt"] {
            #expect(manager.contents(atPath: "\(folder)/\(place)") == Data("mine".utf8), "\(place)")
        }
        try saved.save(step: 2)
        #expect(saved.store.steps == [2] && manager.fileExists(atPath: folder + "/step-2/why.txt"))
        try manager.removeItem(atPath: folder)
        try saved.save(step: 4)
        try saved.store.removeAll()
        #expect(!manager.fileExists(atPath: folder))
    }

    @Test("checkpoints after a step are set aside whole, and count as steps no more")
    func settingAside() throws {
        let saved = try SavedCheckpoint(steps: [2, 4, 6, 8])
        let metrics = saved.store.folder + "/../metrics.jsonl"
        try Data("rows\n".utf8).write(to: URL(fileURLWithPath: metrics))
        #expect(try saved.store.setAside(after: 8, copying: [metrics]) == nil)
        let aside = try #require(try saved.store.setAside(after: 4, copying: [metrics, "absent"]))
        #expect(aside.steps == [6, 8] && saved.store.steps == [2, 4])
        #expect(try FileManager.default.contentsOfDirectory(atPath: aside.folder).sorted() == ["metrics.jsonl", "step-6", "step-8"])
        try CheckpointFolder(path: aside.folder + "/step-8").verifyAll()
        // The second history leaves the first's alone.
        try saved.save(step: 6)
        #expect(try saved.store.setAside(after: 2, copying: [])?.steps == [4, 6])
        #expect(try names(saved) == ["set-aside-1", "set-aside-2", "step-2"])
    }

    @Test("a step that is saved again replaces what was saved before")
    func again() throws {
        let saved = try SavedCheckpoint()
        let before = try saved.checkpoint.manifest().files
        saved.values.pointer[3] = 1000
        try saved.save(step: 4)
        #expect(try saved.checkpoint.manifest().files != before)
        #expect(try names(saved) == ["step-4"])
        try saved.checkpoint.verifyAll()
    }

    @Test("any rectangle of a parameter is read, and another shape is refused")
    func boxes() throws {
        let saved = try SavedCheckpoint()
        let reader = StateReader(saved.checkpoint, try saved.checkpoint.manifest())
        let box = StateReader.Box(parameter: "first", shape: [3, 5], rows: 1..<3, columns: 2..<5)
        var read = [Float](repeating: 0, count: 4)
        // Of the box [[7, 8, 9], [12, 13, 14]] all but its first and its last.
        try reader.read("first_moments", box, floats: 1..<5, tensor: 0, into: &read)
        #expect(read == [8.25, 9.25, 12.25, 13.25])
        let other = StateReader.Box(parameter: "first", shape: [5, 3], rows: 0..<5, columns: 0..<3)
        #expect(failure { try reader.read("values", other, floats: 0..<4, tensor: 0, into: &read) }?.exitCode == .damagedData)
    }
}
