import Foundation
import Runs
import Settings
import TestSupport
import Testing

@Suite("A run's directory, before it is made") struct RunDirectoryTests {
    @Test(
        "the root, the system's folders and the home folder are no run's, whatever they hold",
        arguments: [
            ("/", "root"), ("/etc", "system"), ("/usr/../etc/", "system"), ("/tmp", "system"),
        ])
    func reserved(_ path: String, _ word: String) throws {
        for start in [RunDirectory.Start.new, .resuming, .overwriting] {
            let failure = try #require(throws: Failure.self) { try RunDirectory(path).checkFree(for: start) }
            #expect(failure.exitCode == .configuration && failure.reason.contains(word), "\(failure)")
        }
    }

    @Test("a new folder, an empty one and a linked one are taken, and nothing is made")
    func taken() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: folder.file("empty"))
        for name in ["new", "a/b/c", "empty", "link"] { try RunDirectory(folder.file(name)).checkFree(for: .new) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["empty", "link"])
    }
}
