import Foundation
import TestSupport
import Testing

/// Exit codes as `interfaces.md` pins them, repeated here so that a change of the program's own is noticed.
enum Exit {
    static let usage: Int32 = 64
    static let damagedData: Int32 = 65
    static let missingInput: Int32 = 66
    static let inputOutput: Int32 = 74
    static let tryAgain: Int32 = 75
    static let configuration: Int32 = 78
}

/// A mistake, and what its one line must say: the file or key at fault, and a word of the remedy.
struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let exitCode: Int32
    let words: [String]
    /// Makes the mistake.
    let prepare: @Sendable (Workspace) throws -> Void
    let arguments: [String]

    init(
        _ description: String, exit exitCode: Int32, says words: [String], arguments: [String] = ["train", "config.yaml"],
        prepare: @escaping @Sendable (Workspace) throws -> Void = { _ in }
    ) {
        testDescription = description
        self.exitCode = exitCode
        self.words = words
        self.arguments = arguments
        self.prepare = prepare
    }

    /// Runs the command alone and on two ranks: one line each, the exit code, no rank left, no file changed.
    func check(in workspace: Workspace, ranks: [Int?] = [nil, 2], at location: SourceLocation = #_sourceLocation) throws {
        try prepare(workspace)
        for ranks in ranks {
            let before = try workspace.snapshot()
            let result = try workspace.tandem(arguments, ranks: ranks)
            checkLine(result, ranks: ranks, at: location)
            let after = try workspace.snapshot()
            let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
            #expect(changed.isEmpty, "changed or left behind: \(changed.sorted())", sourceLocation: location)
            #expect(workspace.remainingProcesses().isEmpty, sourceLocation: location)
        }
    }

    private func checkLine(_ result: ProcessResult, ranks: Int?, at location: SourceLocation) {
        #expect(result.exitCode == exitCode, "\(ranks ?? 1) ranks: \(result.errorOutput)", sourceLocation: location)
        #expect(result.causeLines.count == 1, "\(ranks ?? 1) ranks: \(result.errorOutput)", sourceLocation: location)
        // It ends, where waiting ranks would hang; a busy machine may take its time.
        #expect(result.seconds < 60, sourceLocation: location)
        guard let line = result.causeLines.first else { return }
        for word in words {
            #expect(line.contains(word), "\(ranks ?? 1) ranks", sourceLocation: location)
        }
        // Two sentences: the mistake, and the remedy, which may be a question ("Did you mean steps?").
        let isWhole = (line.hasSuffix(".") || line.hasSuffix("?")) && line.contains(". ")
        #expect(isWhole, "no remedy: \(line)", sourceLocation: location)
        // Alone nothing else is said: no usage text, no stack of calls.
        if ranks == nil { #expect(result.errorOutput == line + "\n", sourceLocation: location) }
    }
}
