import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Datasets that can't be used") struct DatasetRefusalTests {
        private static func pair(_ prompt: String, _ chosen: String, _ rejected: String) -> String {
            "{\"prompt_ids\": [\(prompt)], \"chosen_ids\": [\(chosen)], \"rejected_ids\": [\(rejected)]}\n"
        }
        private static let pairs = randomPairs(count: 10, vocabulary: 509, lengths: 3...12, seed: 5)

        static let damages = [
            Refusal(
                "a missing dataset", exit: Exit.missingInput, says: ["pairs.h5", "Check the path"]
            ) { try $0.remove("pairs.h5") },
            Refusal("a dataset cut at its end", exit: Exit.damagedData, says: ["pairs.h5", "tandem prepare"]) {
                try $0.write($0.bytes("pairs.h5").dropLast(100), to: "pairs.h5")
            },
            Refusal("half a dataset", exit: Exit.damagedData, says: ["pairs.h5", "tandem prepare"]) {
                try $0.write($0.bytes("pairs.h5").prefix($0.bytes("pairs.h5").count / 2), to: "pairs.h5")
            },
            Refusal(
                "an empty dataset", exit: Exit.damagedData, says: ["pairs.h5", "empty"]
            ) { try $0.write(Data(), to: "pairs.h5") },
            Refusal("garbage in place of a dataset", exit: Exit.damagedData, says: ["pairs.h5", "tandem prepare"]) {
                try $0.write(Data("not HDF5 at all\n".utf8), to: "pairs.h5")
            },
            Refusal(
                "JSONL in place of a dataset", exit: Exit.damagedData, says: ["pairs.jsonl", "tandem prepare"],
                arguments: ["train", "config.yaml", "--set", "data.train=pairs.jsonl"]),
            Refusal(
                "a missing validation dataset", exit: Exit.missingInput, says: ["absent.h5", "Check the path"],
                arguments: ["train", "config.yaml", "--set", "data.validation=absent.h5"]),
            Refusal("a folder in place of a dataset", exit: Exit.damagedData, says: ["pairs.h5", "folder"]) {
                try $0.remove("pairs.h5")
                try $0.makeFolder("pairs.h5")
            },
        ]

        static let misfits = [
            Refusal(
                "a tokenizer of more tokens than the model", exit: Exit.damagedData, says: ["pairs.h5: record 0", "509", "tokenizer"]
            ) {
                // " meadow" is token 709.
                try $0.folder.write(#"{"prompt": "Where?", "chosen": " In the meadow.", "rejected": " Here."}"#, to: "text.jsonl")
                let prepared = try $0.tandem(
                    ["prepare", "--input", "text.jsonl", "--output", "pairs.h5", "--tokenizer", quickstartTokenizer])
                guard prepared.exitCode == 0 else { throw CommandFailed(result: prepared) }
            },
            Refusal(
                "tokens of another tokenizer", exit: Exit.configuration,
                says: ["data.train", "pairs.h5", "other tokens", "policy/tokenizer.json", "--tokenizer policy"]
            ) { try $0.prepareWithOtherTokens() },
            Refusal(
                "a validation dataset of another tokenizer", exit: Exit.configuration,
                says: ["data.validation", "other.h5", "other tokens", "--tokenizer policy"],
                arguments: ["train", "config.yaml", "--set", "data.validation=other.h5"]
            ) { try $0.prepareWithOtherTokens("other.h5") },
            Refusal(
                "a token id that the model lacks", exit: Exit.damagedData, says: ["pairs.h5: record 10", "509", "tokenizer"]
            ) {
                _ = try makeDataset(pairs + pair("5, 6", "7, 509", "8"), in: $0.folder, named: "pairs")
            },
            Refusal(
                "a record of too many positions", exit: Exit.damagedData, says: ["pairs.h5: record 10", "256", "--max-length 256"]
            ) {
                let long = (0..<255).map { "\(3 + $0)" }.joined(separator: ", ")
                _ = try makeDataset(pairs + pair("5, 6", long, "8"), in: $0.folder, named: "pairs")
            },
            Refusal(
                "texts for a preference objective", exit: Exit.configuration, says: ["data.train", "pairs.h5", "text", "preference"]
            ) {
                _ = try makeDataset(randomTexts(count: 4, vocabulary: 509, lengths: 3...9, seed: 1), in: $0.folder, named: "pairs")
            },
        ]

        @Test("a damaged dataset is told in one line on every layout", arguments: DatasetRefusalTests.damages)
        func damage(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test("data that don't fit the model or the objective are told in one line on every layout", arguments: DatasetRefusalTests.misfits)
        func misfit(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test(
            "evaluate and score refuse a token id that the model lacks, and an earlier output stays",
            arguments: [
                ["evaluate", "config.yaml"],
                ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"],
            ])
        func tokenRange(_ arguments: [String]) throws {
            let refusal = Refusal(
                "a token id that the model lacks", exit: Exit.damagedData, says: ["pairs.h5: record 10", "509"],
                arguments: arguments
            ) {
                try $0.folder.write("{\"record\": 0, \"logp\": -1.5, \"token_logps\": [-1.5]}\n", to: "scores.jsonl")
                _ = try makeDataset(
                    Self.pairs + Self.pair("5, 6", "7, 509", "8"), in: $0.folder, named: "pairs")
            }
            try refusal.check(in: Workspace())
        }

        @Test(
            "evaluate and score refuse tokens of another tokenizer",
            arguments: [
                (["evaluate", "config.yaml"], "data.validation"),
                (["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"], "--data"),
            ])
        func otherTokens(_ arguments: [String], place: String) throws {
            let refusal = Refusal(
                "tokens of another tokenizer", exit: Exit.configuration,
                says: [place, "pairs.h5", "other tokens", "policy/tokenizer.json", "--tokenizer policy"],
                arguments: arguments
            ) { try $0.prepareWithOtherTokens() }
            try refusal.check(in: Workspace())
        }

        @Test("score refuses a record of more positions than the model has")
        func scoredLength() throws {
            let long = (0..<255).map { "\(3 + $0)" }.joined(separator: ", ")
            let refusal = Refusal(
                "a record of too many positions", exit: Exit.damagedData, says: ["pairs.h5: record 0", "256"],
                arguments: ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"])
            try refusal.check(in: Workspace(pairs: Self.pair("5, 6", long, "8")))
        }

        /// A flipped bit shows itself when its chunk is read, after MPI started: scores must not appear, and an evaluation
        /// must not end in a figure.
        @Test(
            "a flipped bit in the tokens is found by its checksum on every layout",
            arguments: [
                ["evaluate", "config.yaml"],
                ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"],
            ])
        func flippedBit(_ arguments: [String]) throws {
            let refusal = Refusal(
                "a flipped bit", exit: Exit.damagedData, says: ["pairs.h5", "tandem prepare"], arguments: arguments
            ) { try $0.flipTokenBit("pairs.h5") }
            try refusal.check(in: Workspace(pairs: Self.pair("301, 302, 303", "304, 305", "306, 307")))
        }

        @Test("a training that meets a flipped bit says so in one line and in its status", arguments: [nil, 2])
        func flippedBitInTraining(ranks: Int?) throws {
            let workspace = try Workspace(pairs: Self.pair("301, 302, 303", "304, 305", "306, 307"))
            try workspace.flipTokenBit("pairs.h5")
            let result = try workspace.tandem(["train", "config.yaml"], ranks: ranks)
            #expect(result.exitCode == Exit.damagedData, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains("pairs.h5") == true)
            #expect(result.seconds < 10)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == 0)
            #expect((status["reason"] as? String)?.contains("pairs.h5") == true)
            #expect(!workspace.exists("run/export"))
            #expect(workspace.remainingProcesses().isEmpty)
        }
    }
}

extension Workspace {
    /// Makes a dataset of ids below 10 with the policy's tokenizer; then the policy gets another one, in which two tokens
    /// have changed places.
    func prepareWithOtherTokens(_ name: String = "pairs.h5") throws {
        try setTokenizer()
        try folder.write(
            #"{"prompt_ids": [5, 6], "chosen_ids": [7], "rejected_ids": [8, 9]}"# + "\n", to: "few.jsonl")
        let prepared = try tandem(["prepare", "--input", "few.jsonl", "--output", name, "--tokenizer", "policy"])
        guard prepared.exitCode == 0 else { throw CommandFailed(result: prepared) }
        try setTokenizer { vocabulary in
            let (first, second) = (vocabulary["A"], vocabulary["B"])
            (vocabulary["A"], vocabulary["B"]) = (second, first)
        }
    }

    /// Gives the policy a tokenizer: the quickstart's, changed by `edit` and written anew, so in other bytes.
    func setTokenizer(_ edit: (inout [String: Any]) -> Void = { _ in }) throws {
        let original = try Data(contentsOf: URL(fileURLWithPath: quickstartTokenizer + "/tokenizer.json"))
        var root = try JSONSerialization.jsonObject(with: original) as! [String: Any]
        var model = root["model"] as! [String: Any]
        var vocabulary = model["vocab"] as! [String: Any]
        edit(&vocabulary)
        model["vocab"] = vocabulary
        root["model"] = model
        try write(JSONSerialization.data(withJSONObject: root), to: "policy/tokenizer.json")
    }

    /// Flips the lowest bit of a stored token id; the dataset must hold the ids 301, 302, 303 in a row.
    func flipTokenBit(_ name: String) throws {
        var bytes = try bytes(name)
        let pattern = [Int32(301), 302, 303].reduce(into: Data()) { data, id in
            withUnsafeBytes(of: id.littleEndian) { data += $0 }
        }
        let place = try #require(bytes.range(of: pattern))
        bytes[place.lowerBound + 4] ^= 1
        try write(bytes, to: name)
    }
}
