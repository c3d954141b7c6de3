import Foundation

/// What `Package.swift` says of its targets, and what their sources import.
struct PackageManifest {
    struct Target {
        let kind: String
        let name: String
        let dependencies: [String]
        let folder: String

        var isTest: Bool { kind == "testTarget" }
        var module: String { name.replacing("-", with: "_") }
    }

    /// In the file's order.
    let targets: [Target]
    /// Of the whole repository.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    init() throws {
        let text = try String(contentsOfFile: "\(PackageManifest.root)/Package.swift", encoding: .utf8)
        let list = text[text.firstRange(of: "    targets: [")!.upperBound...]
        let starts = list.matches(of: /\.(target|executableTarget|testTarget|systemLibrary)\(\s*name: "([^"]+)"/)
        targets = starts.indices.map { index in
            let (kind, name) = (String(starts[index].1), String(starts[index].2))
            let end = index + 1 < starts.count ? starts[index + 1].range.lowerBound : list.endIndex
            let words = list[starts[index].range.upperBound..<end]
            let dependencies = words.firstMatch(of: /dependencies: \[([^\[\]]*)\]/)?.1 ?? ""
            let folder = words.firstMatch(of: /path: "([^"]+)"/).map { String($0.1) }
            return Target(
                kind: kind, name: name,
                dependencies: dependencies.matches(of: /(?:\.product\(name: )?"([^"]+)"(, package: "[^"]+")?/).map { String($0.1) },
                folder: folder ?? (kind == "testTarget" ? "Tests/" : "Sources/") + name)
        }
    }

    subscript(name: String) -> Target? { targets.first { $0.name == name } }

    /// Rooms of Swift, and programs; no tests and no C.
    var rooms: [Target] {
        targets.filter { ["target", "executableTarget"].contains($0.kind) && !$0.folder.hasPrefix("Tests/") }
            .filter { !$0.folder.hasPrefix("Examples/") && $0.name != "tandem-fuzz" }
    }

    /// Everything that a target can reach.
    func reachable(from name: String) -> Set<String> {
        var found: Set<String> = []
        var waiting = self[name]?.dependencies ?? []
        while let next = waiting.popLast() {
            if found.insert(next).inserted { waiting += self[next]?.dependencies ?? [] }
        }
        return found
    }

    /// A target's dependencies without those that another one of them brings.
    func directlyBelow(_ target: Target) -> [String] {
        target.dependencies.filter { name in
            self[name] != nil && !target.dependencies.contains { $0 != name && reachable(from: $0).contains(name) }
        }
    }

    /// Swift files below a folder of the repository, by their paths in it.
    static func sources(below folder: String) -> [String] {
        let found = FileManager.default.enumerator(atPath: "\(root)/\(folder)")?.allObjects as? [String] ?? []
        return found.filter { $0.hasSuffix(".swift") }.sorted().map { "\(folder)/\($0)" }
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) }

    /// The lines of a file that are not indented, without comments.
    static func outerLines(_ path: String) throws -> [Substring] {
        try text(path).split(separator: "\n").filter { $0.utf8.first != UInt8(ascii: " ") && $0.utf8.first != UInt8(ascii: "/") }
    }

    /// Modules that a target's sources import.
    func imports(of target: Target) throws -> Set<String> {
        var modules: Set<String> = []
        for path in PackageManifest.sources(below: target.folder) {
            for line in try PackageManifest.outerLines(path) {
                let words = line.split(separator: " ")
                guard let keyword = words.firstIndex(of: "import"), keyword == 0 || words[0].hasPrefix("@"), let module = words.last
                else { continue }
                modules.insert(String(module))
            }
        }
        return modules
    }
}
