import Foundation
import Testing

@testable import Settings

/// `docs/configuration.md`, taken apart: its sections, the rows of its tables of keys, and what it says is refused so far.
struct ConfigurationPage {
    /// A row of a table that begins with `| key | type | default | meaning |`.
    struct Row: Sendable, CustomTestStringConvertible {
        /// The path of the mapping that has the key: a section, or `references.NAME`.
        let home: String
        /// The one type of objective that has the key; nil where all have it, and outside of `objective`.
        let objectiveType: String?
        let key: String
        let type: String
        let defaultValue: String
        let meaning: String

        var testDescription: String { "\(home).\(key)" }
        /// As `--set` takes it, where the reference is called `sft`.
        var keyPath: String { "\(home).\(key)".replacing("NAME", with: "sft") }
        /// The default as the row writes it, where it begins with one; nil for `none` and `required`.
        var literalDefault: String? { defaultValue.prefixMatch(of: /`([^`]+)`/).map { String($0.1) } }
        /// The values that the key takes, where its type is a list of them: "`file`, `float32` or `bfloat16`".
        var choices: [String] {
            guard type.wholeMatch(of: /`[^`]+`(, `[^`]+`)*( or `[^`]+`)?/) != nil else { return [] }
            return type.codeSpans
        }
    }

    /// A key that the page says is refused, and for which values.
    struct Planned: Sendable, CustomTestStringConvertible {
        let keyPath: String
        let refused: String
        var testDescription: String { "\(keyPath): \(refused)" }
    }

    /// The sections that have a heading of their own, in the page's order.
    private(set) var sections: [String] = []
    private(set) var rows: [Row] = []
    private(set) var planned: [Planned] = []
    /// The first configuration that the page shows: the smallest preference run.
    let example: String
    /// Paths of keys that take `null` though they have a default.
    let nullable: Set<String>

    static let shared = try! ConfigurationPage()

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let code = text.split(separator: "```", omittingEmptySubsequences: false)
        example = String(code.dropFirst().first?.trimmingPrefix("yaml\n") ?? "")
        let rule = text.components(separatedBy: "\n- ").first { $0.hasPrefix("`null`") } ?? ""
        nullable = Set(rule.codeSpans.filter { $0.contains(".") })
        read(text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    private mutating func read(_ lines: [String]) {
        var home = ""
        var objectiveType: String?
        var table: [String] = []
        for line in lines {
            guard line.hasPrefix("|") else {
                table = []
                if let heading = line.wholeMatch(of: /## `([a-z]+)`/) {
                    home = String(heading.1)
                    sections.append(home)
                    objectiveType = nil
                } else if let inner = line.wholeMatch(of: /`([a-z]+\.[A-Za-z_]+)`:/) {
                    home = String(inner.1)
                } else if let condition = line.wholeMatch(of: /With `type: ([a-z_]+)` also:/) {
                    objectiveType = String(condition.1)
                }
                continue
            }
            let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if table.isEmpty {
                table = cells
            } else if !cells.allSatisfy({ $0.allSatisfy { $0 == "-" } }) {
                add(cells, of: table, home: home, objectiveType: objectiveType)
            }
        }
    }

    private mutating func add(_ cells: [String], of table: [String], home: String, objectiveType: String?) {
        switch table {
        case ["key", "type", "default", "meaning"]:
            // A row with a cell too few shows itself as one with an empty cell.
            let cells = cells + Array(repeating: "", count: max(0, 4 - cells.count))
            rows.append(
                Row(
                    home: home, objectiveType: objectiveType, key: cells[0].codeSpans.first ?? "", type: cells[1],
                    defaultValue: cells[2], meaning: cells[3]))
        case ["key", "refused"]:
            let paths = cells[0].codeSpans
            // Several keys of a row have a part each.
            let parts = paths.count == 1 ? [cells[1]] : cells[1].components(separatedBy: ", ")
            planned += zip(paths, parts).map { Planned(keyPath: $0, refused: $1) }
        default: break
        }
    }
}

extension String {
    /// What stands between backticks.
    var codeSpans: [String] { matches(of: /`([^`]+)`/).map { String($0.1) } }
}
