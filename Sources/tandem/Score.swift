import ArgumentParser
import Files
import Inference
import Reporting
import Settings

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes each record's log-probabilities under a frozen model, as JSONL.")

    @Option(help: "The model: a Hugging Face folder.", transform: expandedPath)
    var checkpoint: String

    @Option(help: "The dataset that `tandem prepare` wrote.", transform: expandedPath)
    var data: String

    @Option(help: "The JSONL file to write.", transform: expandedPath)
    var output: String

    @Option(help: "Number of tensor ranks. The number of data ranks is the number of all ranks divided by --tensor.")
    var tensor = 1

    @Option(help: "Threads per rank.")
    var threads: Int?

    @Flag(help: "Replace the file at --output even if it holds no scores.")
    var overwrite = false

    func validate() throws {
        guard tensor >= 1 else { throw ValidationError("--tensor must be at least 1.") }
        guard (1...RunSettings.mostThreads).contains(threads ?? 1) else {
            throw ValidationError("--threads must be from 1 to \(RunSettings.mostThreads).")
        }
    }

    func run() throws {
        let job = Job()
        guard job.rankCount % tensor == 0 else {
            throw Failure.configuration(
                "--tensor \(tensor)", "does not divide the \(job.rankCount) ranks",
                remedy: "Start with mpirun -n \(tensor) or a multiple of it.")
        }
        let layout = ParallelLayout(data: job.rankCount / tensor, tensor: tensor)
        // Only the first rank writes, so the output's folder need not exist on other nodes.
        if job.isFirst { try OutputPath.check([Scorer.output(output)], against: [checkpoint, data], overwriting: overwrite) }
        let scorer = try Scorer(checkpoint: checkpoint, data: data)
        try scorer.check(layout, place: "--tensor")
        let words = ["score", "--tensor", "\(tensor)", "--output", output]
        let mesh = try job.start(words, layout) { () throws(Failure) in try scorer.facts() }
        if mesh.isFirst { scorer.notices.forEach(Console.writeNote) }
        try scorer.run(output: output, mesh: mesh, workers: job.workers(threads, mesh)) { done, total in
            try Console.write("scored \(done) of \(total) records")
        }
        if mesh.isFirst { try Console.write("written to \(output)") }
        job.finish()
    }
}
