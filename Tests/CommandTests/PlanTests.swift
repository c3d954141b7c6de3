import Foundation
import TestSupport
import Testing

/// `tandem plan` as a person starts it, on a model of a few thousand parameters. No times are judged.
@Suite struct PlanTests {
    @Test("memory, operations and messages are told without rates; the time once the machine was measured")
    func plan() throws {
        let workspace = try Workspace()
        let before = try workspace.snapshot()
        let without = try workspace.tandem(["plan", "config.yaml"])
        try #require(without.exitCode == 0, "\(without.errorOutput)")
        for words in ["weights", "reference sft", "layers, forward", "data 1 × tensor 1", "tandem plan --measure"] {
            #expect(without.output.contains(words), "\(words)")
        }
        #expect(!without.output.contains("expected step") && !without.output.contains("a checkpoint:"))
        // Nothing was run.
        #expect(try workspace.snapshot() == before)

        let measured = try workspace.tandem(["plan", "--measure", "--quick"])
        try #require(measured.exitCode == 0, "\(measured.errorOutput)")
        #expect(measured.output.contains("written to machine.json"))
        let with = try workspace.tandem(["plan", "config.yaml", "--ranks", "2", "--set", "references.sft.cache=memory"])
        try #require(with.exitCode == 0, "\(with.errorOutput)")
        for words in ["expected step", "cached", "gradients", "data 2 × tensor 1"] { #expect(with.output.contains(words), "\(words)") }
        // Two steps, the longest that a scheduler could be asked for is five minutes and a little, rounded up.
        #expect(with.output.contains("the run: 2 steps in 0.00 hours") && with.output.contains("suggested time limit: 00:10:00"), "\(with.output)")
        #expect(!without.output.contains("time limit"))
        let saving = try workspace.tandem(["plan", "config.yaml", "--set", "run.checkpoint_every=1"])
        #expect(saving.output.contains("a checkpoint: 0.00 GiB on disk"))
        let tensor = try workspace.tandem([
            "plan", "config.yaml", "--ranks", "4", "--nodes", "2", "--threads", "3", "--machine", "machine.json", "--set",
            "parallel.tensor=2",
        ])
        for words in ["data 2 × tensor 2, 3 threads a rank, 2 on each of 2 nodes", "activations", "not measured", "share a node's"] {
            #expect(tensor.output.contains(words), "\(words)")
        }
    }

    @Test("under mpirun the machine's messages are measured, and one rank writes")
    func measureUnderMpirun() throws {
        let workspace = try Workspace()
        let ended = try workspace.tandem(["plan", "--measure", "two.json", "--quick", "--threads", "1"], ranks: 2)
        try #require(ended.exitCode == 0, "\(ended.errorOutput)")
        let rates = try workspace.json("two.json")
        #expect(rates["reduction_ranks"] as? Int == 2 && (rates["reductions"] as? [Any])?.isEmpty == false)
        #expect(rates["cores"] as? Int == 2)
    }

    @Test(
        "a layout that can't be, and what is asked for wrongly, is told in one line",
        arguments: [
            Refusal(
                "more tensor ranks than groups of heads", exit: Exit.configuration, says: ["parallel.tensor = 4", "Use at most 3"],
                arguments: ["plan", "config.yaml", "--ranks", "4", "--set", "parallel.tensor=4"]),
            Refusal(
                "ranks that the layout does not divide", exit: Exit.configuration, says: ["does not divide", "mpirun -n 2"],
                arguments: ["plan", "config.yaml", "--ranks", "3", "--set", "parallel.tensor=2"]),
            Refusal(
                "more than a node holds", exit: Exit.configuration, says: ["on a node of", "--nodes"],
                arguments: ["plan", "config.yaml", "--ranks", "2000000", "--set", "schedule.pairs_per_step=1"]),
            Refusal(
                "no configuration", exit: Exit.missingInput, says: ["absent.yaml", "Check the path"],
                arguments: ["plan", "absent.yaml"]),
            Refusal("nothing named", exit: Exit.usage, says: ["config", "--help"], arguments: ["plan"]),
            Refusal(
                "rates that are not there", exit: Exit.missingInput, says: ["cluster.json", "tandem plan --measure"],
                arguments: ["plan", "config.yaml", "--machine", "cluster.json"]),
            Refusal(
                "rates that are none", exit: Exit.damagedData, says: ["config.yaml", "Measure the machine again"],
                arguments: ["plan", "config.yaml", "--machine", "config.yaml"]),
            Refusal(
                "fewer ranks than nodes", exit: Exit.usage, says: ["--nodes 3", "more than --ranks 2"],
                arguments: ["plan", "config.yaml", "--ranks", "2", "--nodes", "3"]),
            Refusal(
                "a configuration to measure into", exit: Exit.usage, says: ["config.yaml", "machine.json"],
                arguments: ["plan", "--measure", "config.yaml"]),
            Refusal(
                "rates in a folder that is not there", exit: Exit.inputOutput, says: ["absent/machine.json", "may write to"],
                arguments: ["plan", "--measure", "absent/machine.json"]),
        ])
    func mistakes(_ refusal: Refusal) throws { try refusal.check(in: Workspace(), ranks: [nil]) }
}
