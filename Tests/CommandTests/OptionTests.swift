import TestSupport
import Testing

extension CommandTests {
    @Suite("Options") struct OptionTests {
        private static let score = ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"]
        private static let generate = ["generate", "--checkpoint", "policy", "--prompt", "x"]
        private static let most = "9223372036854775807"

        static let mistakes: [(arguments: [String], words: String)] = [
            (score + ["--tensor", "-1"], "--tensor must be at least 1"), (score + ["--tensor", "0"], "--tensor must be at least 1"),
            (score + ["--threads", "-2"], "--threads must be from 1 to 4096"), (score + ["--threads", most], "--threads must be from 1 to 4096"),
            (generate + ["--max-new-tokens", "-3"], "--max-new-tokens must be at least 1"),
            (generate + ["--temperature", "-1"], "--temperature must be 0 or more"),
            (generate + ["--temperature", "nan"], "--temperature must be 0 or more"),
            (generate + ["--temperature", "-inf"], "--temperature must be 0 or more"),
            (generate + ["--temperature", "inf"], "--temperature must be 0 or more"),
            (generate + ["--top-p", "2"], "--top-p must be above 0 and at most 1"),
            (generate + ["--top-p", "-0.5"], "--top-p must be above 0 and at most 1"),
            (generate + ["--seed", "-1"], "The value '-1' is invalid for '--seed <seed>'"),
            (["plan", "config.yaml", "--ranks", "0"], "--ranks is 0"), (["plan", "config.yaml", "--ranks", "-1"], "--ranks is -1"),
            (["plan", "config.yaml", "--ranks", most], "--ranks is \(most)"), (["plan", "config.yaml", "--nodes", "-2"], "--nodes is -2"),
            (["plan", "config.yaml", "--threads", most], "--threads is \(most)"),
            (["train", "config.yaml", "--resume", "-3"], "The value '-3' is invalid for '--resume <step>'"),
            (["train", "config.yaml", "--set", "-3"], "--set -3: is not key.path=value"),
            (["train", "config.yaml", "--overwrite", "-1"], "'--overwrite' does not take any value"),
        ]

        /// Nothing is changed in it.
        private static let workspace = Result { try Workspace() }

        @Test("a value that can't be is told as such, a negative one too, in one line", arguments: mistakes)
        func values(_ arguments: [String], words: String) throws {
            let workspace = try Self.workspace.get()
            try Refusal(words, exit: Exit.usage, says: [words], arguments: arguments).check(in: workspace, ranks: [nil])
        }

        @Test(
            "a file that is none is refused where one is read or written",
            arguments: [
                (["train", "/proc/self/mem"], Exit.damagedData, "/proc/self/mem: is not a stored file"),
                (["train", "/proc/self/environ"], Exit.damagedData, "/proc/self/environ: is not a stored file"),
                (["train", "pipe"], Exit.damagedData, "pipe: is not a regular file"),
                (["evaluate", "/dev/zero"], Exit.damagedData, "/dev/zero: is not a regular file"),
                (["plan", "config.yaml", "--machine", "pipe"], Exit.missingInput, "pipe: can't be read"),
                (["plan", "--measure", "pipe"], Exit.inputOutput, "pipe: is a device, pipe or socket"),
                (["plan", "--measure", "/dev/full"], Exit.inputOutput, "/dev/full: is a device, pipe or socket"),
                (["inspect", "linked"], Exit.damagedData, "linked/model.safetensors: is not a stored file"),
            ])
        func noFile(arguments: [String], exit: Int32, words: String) throws {
            let workspace = try Workspace()
            let made = try workspace.shell(
                "cp -r policy linked; rm -f linked/SHA256SUMS linked/model.safetensors; ln -s /proc/self/mem linked/model.safetensors; mkfifo pipe")
            #expect(made.exitCode == 0, "\(made.errorOutput)")
            let result = try workspace.tandem(arguments)
            #expect(result.exitCode == exit && result.seconds < 20, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines[0].hasPrefix("tandem: " + words), "\(result.errorOutput)")
        }
    }
}
