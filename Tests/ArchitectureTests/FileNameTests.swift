import Foundation
import Testing

@Suite("Files and their names")
struct FileNameTests {
    @Test("every type that other files see is in the file of its name")
    func types() throws {
        let keywords = ["struct", "class", "enum", "protocol", "actor"]
        for folder in ["Sources", "benchmarks/Sources"] {
            for path in PackageManifest.sources(below: folder) {
                // `Type+Concern.swift` extends a type; what it adds has a file of its own.
                let file = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
                for line in try PackageManifest.outerLines(path) {
                    let words = line.split { " :<{".contains($0) }
                    guard let keyword = words.firstIndex(where: { keywords.contains(String($0)) }), keyword + 1 < words.count,
                        words[..<keyword].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "final", "indirect"].contains($0) })
                    else { continue }
                    #expect(words[keyword + 1] == file, "\(path) has \(words[keyword + 1])")
                }
            }
        }
    }

    /// A family of checkpoints is one file, and all of them are one concern.
    @Test("no folder of the sources has more than 20 files, families of checkpoints apart")
    func folders() throws {
        let folders = Dictionary(grouping: PackageManifest.sources(below: "Sources")) { path in
            URL(fileURLWithPath: path).deletingLastPathComponent().relativePath
        }
        for (folder, files) in folders {
            let others = files.filter { !$0.hasSuffix("Family.swift") }
            #expect(others.count <= 20, "\(folder) has \(others.count)")
        }
    }

    @Test("no file has more than 400 lines, and half of them have fewer than 120")
    func lengths() throws {
        var counts: [Int] = []
        for folder in ["Sources", "benchmarks/Sources", "Tests", "Examples"] {
            for path in PackageManifest.sources(below: folder) {
                let count = try PackageManifest.text(path).split(separator: "\n", omittingEmptySubsequences: false).count - 1
                #expect(count <= 400, "\(path) has \(count) lines")
                if folder == "Sources" { counts.append(count) }
            }
        }
        #expect(counts.sorted()[counts.count / 2] < 120)
    }
}
