import Collectives
import Foundation
import Kernels
import Runs
import Settings
import Tensors
import TrainerProbing
import Training

/// One run of a layout test: `layout-probe CONFIG OUTPUT`, under mpirun.
///
/// Writes the log-probabilities of records 0 and 1 by the policy and each reference (`OUTPUT/log-probabilities.json`) and the
/// first step's gradients (`OUTPUT/gradients`), trains to the end, and says in `OUTPUT/probe.json` whether the references'
/// values are the same bits before and after, and whether the policy's have moved.
///
/// `layout-probe CONFIG OUTPUT STEP` goes on from a checkpoint instead: it saves what it loaded again, as `OUTPUT/checkpoints`,
/// and trains to the end.
@main
enum LayoutProbe {
    static func main() throws {
        let arguments = CommandLine.arguments
        let launch = MPIEnvironment.launch()
        let configuration = try RunConfiguration.load(path: arguments[1])
        let run = try ResolvedRun(configuration, rankCount: launch.size, purpose: .training)
        prepareMatrixProducts()
        let mesh = launch.isLaunched ? try Mesh.over(MPIEnvironment.start(), layout: run.layout) : .solo()
        let workers = Workers(threadCount: configuration.run.threads ?? 1)
        let listeners: [any EventListener] = mesh.isFirst ? [StepLog(arguments[2] + "/steps.jsonl")] : []
        let trainer = try Trainer(run, mesh: mesh, workers: workers, listeners: listeners)

        if arguments.count > 3, let step = Int(arguments[3]) {
            try trainer.copyCheckpoint(step: step, to: arguments[2])
            try trainer.train(.resume(.step(step)))
            return MPIEnvironment.finish()
        }

        let before = try trainer.logProbabilities(ofRecords: [0, 1])
        if mesh.isFirst {
            let values = before.references.merging(["policy": before.policy]) { $1 }
            try JSONEncoder().encode(values).write(to: URL(fileURLWithPath: arguments[2] + "/log-probabilities.json"))
        }
        try trainer.exportFirstStepGradients(to: arguments[2] + "/gradients")
        try trainer.train(.fresh(overwrite: true))
        let after = try trainer.logProbabilities(ofRecords: [0, 1])
        let resident = try withExtendedLifetime(trainer) {
            // All ranks have touched their weights, and none has let go of them.
            try mesh.world.barrier()
            defer { try? mesh.world.barrier() }
            return (try residentBytes(ofMappings: "/osc_sm."), try residentBytes(ofMappings: "/reference/"))
        }

        let sameReferences = before.references == after.references
        let samePolicy = before.policy == after.policy
        let counts = try mesh.world.allReduce([
            sameReferences ? 1 : 0, samePolicy ? 1 : 0, Double(PendingCollectiveFaults.count),
            resident.0, resident.1,
        ])
        if mesh.isFirst {
            let object: [String: Any] = [
                "ranks_with_same_references": counts[0], "ranks_with_same_policy": counts[1], "faults": counts[2],
                "shared_window_bytes": counts[3], "mapped_reference_bytes": counts[4],
            ]
            try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: arguments[2] + "/probe.json"))
        }
        MPIEnvironment.finish()
    }

    /// This process's share (PSS) of mapped files whose path contains `name`, from the kernel's accounting: a page's bytes are
    /// dealt to those that map it. MPI's shared windows are files of the name osc_sm.
    private static func residentBytes(ofMappings name: String) throws -> Double {
        var isMeant = false
        var kibibytes = 0.0
        // The system gives a few pages a read, and a file of size 0 is read once only by path.
        let bytes = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/smaps")).readToEnd() ?? Data()
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count >= 5, words[0].contains("-") {
                isMeant = line.contains(name)
            } else if isMeant, words.first == "Pss:" {
                kibibytes += Double(words[1])!
            }
        }
        return kibibytes * 1024
    }
}

/// Whether a figure depends on how fast the machine was.
private func isOfClock(_ name: String) -> Bool { name.contains("second") || name == "communication_hidden" }

/// The steps' figures but for times, to all digits, and the blocks of memory allocated since the step before.
final class StepLog: EventListener {
    private let path: String
    private var text = ""
    private var allocationCount = 0

    init(_ path: String) { self.path = path }

    func receive(_ event: TrainingEvent) throws(Failure) {
        guard case .step(let report) = event else { return }
        var members = report.figures.filter { !isOfClock($0.name) }.map { "\"\($0.name)\": \($0.value)" }
        members.append("\"allocations\": \(Storage.allocationCount - allocationCount)")
        allocationCount = Storage.allocationCount
        text += "{\"step\": \(report.step), " + members.joined(separator: ", ") + "}\n"
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) } catch {
            throw .inputOutput(path, "can't be written", remedy: "Check the folder.")
        }
    }
}
