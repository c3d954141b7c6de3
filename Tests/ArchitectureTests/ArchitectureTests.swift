import Foundation
import Testing

@Suite("The house")
struct ArchitectureTests {
    private let manifest: PackageManifest

    init() throws { manifest = try PackageManifest() }

    @Test("every target declares the modules that it imports, and no others")
    func declaredDependencies() throws {
        let products: Set = ["ArgumentParser", "BasicContainers", "Yams"]
        let known = Set(manifest.targets.map(\.module)).union(products)
        for target in manifest.targets where target.kind != "systemLibrary" {
            let imported = try manifest.imports(of: target).intersection(known)
            // Programs that tests only start are built before them, and imported by nobody.
            let declared = Set(
                target.dependencies.filter { !(target.isTest && manifest[$0]?.kind == "executableTarget") }
                    .map { manifest[$0]?.module ?? $0 })
            #expect(imported == declared, "\(target.name): imports \(imported.sorted()), declares \(declared.sorted())")
        }
        #expect(manifest.rooms.count > 20)
    }

    @Test("dependencies point down: a target uses only what Package.swift has above it")
    func order() {
        var known: Set<String> = []
        for target in manifest.targets {
            for dependency in target.dependencies where manifest[dependency] != nil {
                #expect(known.contains(dependency), "\(target.name) uses \(dependency)")
            }
            known.insert(target.name)
        }
    }

    @Test("the table of rooms in docs/architecture.md is that of Package.swift, from the top down")
    func table() throws {
        let page = try PackageManifest.text("docs/architecture.md")
        let section = try #require(page.firstRange(of: "## Rooms\n")).upperBound
        let rows = page[section...].prefix { _ in true }.split(separator: "\n").drop { !$0.hasPrefix("| room |") }.dropFirst(2)
            .prefix { $0.hasPrefix("|") }
        let table = rows.map { row in
            let cells = row.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
            return (name: cells[1].trimmingCharacters(in: ["`"]), uses: Set(cells[3].split(separator: ", ").map(String.init)))
        }
        #expect(Set(table.map(\.name)) == Set(manifest.rooms.map(\.name)))
        for row in table {
            let target = try #require(manifest[row.name])
            #expect(row.uses == Set(manifest.directlyBelow(target)), "\(row.name)")
        }
        for (index, row) in table.enumerated() {
            #expect(table[..<index].allSatisfy { !row.uses.contains($0.name) }, "\(row.name) uses a room above it")
        }
    }
}
