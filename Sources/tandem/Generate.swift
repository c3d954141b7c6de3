import ArgumentParser
import Foundation
import Inference
import Reporting
import Runs
import Settings
import Tokenization

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continues a prompt token by token. Under mpirun all ranks share the model.",
        discussion: "If the model has a chat template, the prompt becomes a user's message. --raw passes the prompt unchanged.")

    @Option(help: "The model: a Hugging Face folder with its tokenizer.", transform: expandedPath)
    var checkpoint: String

    @Option(help: "The text to continue.")
    var prompt: String

    @Option(help: "Maximum number of new tokens.")
    var maxNewTokens = 128

    @Option(help: "0 always takes the most probable token. A higher temperature samples more freely.")
    var temperature = 0.0

    @Option(help: "Sample only from the most probable tokens whose probabilities add up to this value.")
    var topP = 1.0

    @Option(help: "Seed of the sampling.")
    var seed: UInt64 = 17

    @Option(help: "Threads per rank.")
    var threads: Int?

    @Flag(help: "Don't use the chat template.")
    var raw = false

    func validate() throws {
        guard maxNewTokens >= 1 else { throw ValidationError("--max-new-tokens must be at least 1.") }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature must be 0 or more.") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1.") }
        guard (1...RunSettings.mostThreads).contains(threads ?? 1) else {
            throw ValidationError("--threads must be from 1 to \(RunSettings.mostThreads).")
        }
    }

    func run() throws {
        let job = Job()
        let origin = try ModelOrigin(checkpoint: checkpoint)
        let tokenizer = try Tokenizer(folder: checkpoint)
        let stops = try EndTokens(folder: checkpoint, tokenizer: tokenizer).stops
        let ids = try promptTokens(tokenizer)
        let layout = ParallelLayout(data: 1, tensor: job.rankCount)
        try layout.check(against: origin.configuration, named: checkpoint, place: "mpirun -n \(job.rankCount)")
        try check(ids, origin)

        let mesh = try job.start(["generate"], layout) { () throws(Failure) in try facts(origin, ids) }
        if mesh.isFirst { origin.notices.forEach(Console.writeNote) }
        let generator = try Generator(origin, mesh: mesh, workers: job.workers(threads, mesh))
        var decoder = StreamDecoder(tokenizer, skipSpecialTokens: true)
        let options = SamplingOptions(temperature: temperature, topP: topP, seed: seed)
        _ = try generator.generate(ids, limit: maxNewTokens, options: options, stops: stops) { token in
            if mesh.isFirst { try Console.write(decoder.append(token), terminator: "") }
        }
        if mesh.isFirst { try Console.write(decoder.finish()) }
        job.finish()
    }

    /// Facts that must be equal on all ranks, so that all choose the same tokens.
    private func facts(_ origin: ModelOrigin, _ ids: [Int32]) throws(Failure) -> [SharedFact] {
        let request = "a prompt of \(ids.count) tokens (\(ids)), \(maxNewTokens) new tokens, temperature \(temperature), top-p \(topP), seed \(seed)"
        return try SharedFact.ofProgram()
            + [SharedFact("request", request, remedy: "Give all ranks the same options.", exitCode: .configuration)]
            + origin.facts()
    }

    private func promptTokens(_ tokenizer: Tokenizer) throws(Failure) -> [Int32] {
        let template = raw ? .plainText : try ChatTemplate(folder: checkpoint)
        guard template != .plainText else { return try tokenizer.encode(prompt, addSpecialTokens: true) }
        try template.check(against: tokenizer, place: checkpoint)
        let chat = try template.render([ChatMessage(role: .user, content: prompt)], addGenerationPrompt: true)
        return try tokenizer.encode(chat.text, addSpecialTokens: false)
    }

    private func check(_ ids: [Int32], _ origin: ModelOrigin) throws(Failure) {
        guard let largest = ids.max() else {
            throw Failure("--prompt", "is empty", remedy: "Give at least one character.", exitCode: .usage)
        }
        guard largest < origin.configuration.vocabularySize else {
            throw .configuration(
                checkpoint, "the tokenizer gives id \(largest), but the model has only \(origin.configuration.vocabularySize) tokens",
                remedy: "Use the tokenizer of this model.")
        }
        let limit = origin.configuration.positionLimit
        guard ids.count + maxNewTokens <= limit else {
            throw Failure(
                "--prompt", "\(ids.count) tokens and \(maxNewTokens) new tokens are more than the model's \(limit) positions",
                remedy: "Shorten the prompt or lower --max-new-tokens.", exitCode: .usage)
        }
    }
}
