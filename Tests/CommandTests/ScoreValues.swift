import Foundation
import TestSupport

/// One line of what `tandem score` wrote.
struct ScoreLine {
    let record: Int
    /// Sum and token values: of chosen and rejected, or of the text.
    let parts: [(sum: Double, tokens: [Double])]

    init?(_ object: [String: Any]) {
        guard let record = (object["record"] as? Double).flatMap(Int.init(exactly:)) else { return nil }
        let names = object["logp"] == nil ? ["chosen_", "rejected_"] : [""]
        let keys = Set(names.flatMap { [$0 + "logp", $0 + "token_logps"] } + ["record"])
        guard Set(object.keys) == keys else { return nil }
        self.record = record
        parts = names.compactMap { name in
            guard let sum = object[name + "logp"] as? Double, let tokens = object[name + "token_logps"] as? [Double] else {
                return nil
            }
            return (sum, tokens)
        }
        guard parts.count == names.count else { return nil }
    }
}

extension Workspace {
    /// Scores `data` with `checkpoint` and reads the lines back.
    func score(
        _ checkpoint: String, data: String = "pairs.h5", ranks: Int? = nil, tensor: Int = 1
    ) throws -> [ScoreLine] {
        let output = "scores-\(UUID().uuidString).jsonl"
        let result = try tandem(
            ["score", "--checkpoint", checkpoint, "--data", data, "--output", output, "--tensor", "\(tensor)"], ranks: ranks)
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
        let objects = try readFigures(file(output))
        let lines = objects.compactMap(ScoreLine.init)
        precondition(lines.count == objects.count, "a line has other keys than interfaces.md says: \(objects)")
        return lines
    }

    /// Trains and returns the run's metrics.
    @discardableResult
    func train(
        _ overrides: [String] = [], configuration: String = "config.yaml", ranks: Int? = nil, into run: String = "run"
    ) throws -> Metrics {
        let settings = (overrides + ["run.directory=\(run)"]).flatMap { ["--set", $0] }
        let result = try tandem(["train", configuration] + settings, ranks: ranks)
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
        return Metrics(try metrics(run))
    }
}

/// The objects of `metrics.jsonl`, in the file's order.
struct Metrics {
    let steps: [[String: Any]]
    let evaluations: [[String: Any]]

    init(_ objects: [[String: Any]]) {
        steps = objects.filter { $0["eval"] == nil }
        evaluations = objects.filter { $0["eval"] as? Bool == true }
    }

    func values(_ name: String) -> [Double] { steps.map { $0[name] as? Double ?? .nan } }

    func evaluated(_ name: String) -> [Double] { evaluations.map { $0["eval_" + name] as? Double ?? .nan } }
}

struct CommandFailed: Error, CustomStringConvertible {
    let result: ProcessResult
    var description: String { "exit code \(result.exitCode): \(result.errorOutput)" }
}

/// −log σ(x).
func softplusOfNegative(_ x: Double) -> Double { x > 0 ? log1p(exp(-x)) : -x + log1p(exp(x)) }

func isClose(_ first: Double, _ second: Double, relative: Double) -> Bool {
    abs(first - second) <= relative * max(abs(first), abs(second))
}
