import Foundation
import Settings
import Testing

@testable import Datasets

@Suite("Prompts of which nothing is left, and advice that fits") struct EmptyPromptTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ lines: [String], tokenizer: Bool = true) throws -> PrepareRequest {
        let folderOfTokenizer = tokenizer ? try ByteTokenizer.write(to: folder, template: chatMLTemplate) : nil
        let input = try folder.write(lines.map { $0 + "\n" }.joined(), to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, tokenizer: folderOfTokenizer)
    }

    private let good = #"{"prompt": "Q", "chosen": "y", "rejected": "n"}"#

    @Test(
        "a prompt that merges into the completions is refused with the tokens that merged",
        arguments: [
            (#"{"prompt": "a", "chosen": "bc", "rejected": "bd"}"#, #"its first token "a" merges into "ab" with chosen and "ab" with rejected"#),
            (#"{"prompt": "a", "chosen": "bc", "rejected": "d"}"#, #"its first token "a" merges into "ab" with chosen"#),
            (#"{"prompt": "a", "chosen": "d", "rejected": "bc"}"#, #"its first token "a" merges into "ab" with rejected"#),
            (#"{"prompt": "", "chosen": "y", "rejected": "n"}"#, "the prompt has none"),
        ])
    func refused(_ example: (line: String, says: String)) throws {
        let failure = try failureOfPreparing(request([good, example.line]))
        #expect(failure.exitCode == .damagedData && failure.place == "\(folder.file("in.jsonl")):2")
        #expect(failure.reason.hasPrefix("leaves no token of the prompt before the completions"), "\(failure)")
        #expect(failure.reason.hasSuffix(example.says), "\(failure)")
        #expect(failure.remedy.contains("--empty-prompt drop"))
    }

    @Test("under drop such records are dropped and counted, and nothing else is forgiven")
    func dropped() throws {
        var request = try request([
            #"{"prompt": "a", "chosen": "bc", "rejected": "bd"}"#, good, #"{"prompt": "", "chosen": "y", "rejected": "n"}"#,
        ])
        request.emptyPrompt = .drop
        let summary = try prepare(request)
        #expect(summary.dropped == [.emptyPrompt: 2] && summary.training.records == 1)

        var other = try self.request([good, #"{"chosen": "y", "rejected": "n"}"#])
        other.emptyPrompt = .drop
        #expect(try failureOfPreparing(other).reason == "prompt is missing")
    }

    @Test("an empty list of prompt_ids is an empty prompt, too")
    func emptyIDs() throws {
        let lines = [
            #"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#,
            #"{"prompt_ids": [], "chosen_ids": [3], "rejected_ids": [4]}"#,
        ]
        var request = try request(lines, tokenizer: false)
        #expect(try failureOfPreparing(request).remedy.contains("--empty-prompt drop"))
        request.emptyPrompt = .drop
        #expect(try prepare(request).dropped == [.emptyPrompt: 1])
        let both = try self.request([lines[0], #"{"prompt_ids": [], "chosen_ids": [3], "rejected_ids": []}"#], tokenizer: false)
        #expect(try failureOfPreparing(both).reason == "rejected_ids is empty")
    }

    @Test("so is a prompt that is an empty list of messages")
    func emptyMessages() throws {
        let answers = #""chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]"#
        var request = try request([#"{"prompt": [{"role": "user", "content": "Q"}], \#(answers)}"#, #"{"prompt": [ ], \#(answers)}"#])
        #expect(try failureOfPreparing(request).reason == "prompt has no messages")
        request.emptyPrompt = .drop
        #expect(try prepare(request).dropped == [.emptyPrompt: 1])
    }

    // MARK: Advice

    private static let same = #"{"prompt": "Q", "chosen": "y", "rejected": "y"}"#
    private static let long = #"{"prompt": "Q", "chosen": "yyyyyyyyyy", "rejected": "n"}"#

    @Test("where all records were dropped the advice fits the reasons, and no other is given")
    func advice() throws {
        func refusal(_ lines: [String], _ change: (inout PrepareRequest) -> Void = { _ in }) throws -> Failure {
            var request = try request(lines)
            change(&request)
            return try failureOfPreparing(request)
        }
        let identical = try refusal([Self.same, Self.same])
        #expect(identical.reason.contains("all 2 were dropped (2 chosen and rejected identical)"))
        #expect(identical.remedy == "Give pairs whose completions differ.")
        let tooLong = try refusal([Self.long]) { $0.maximumLength = 5 }
        #expect(tooLong.remedy == "Raise --max-length.")
        let notCut = try refusal([Self.long]) { ($0.maximumLength, $0.truncation) = (5, .drop) }
        #expect(notCut.remedy == "Raise --max-length, or choose --truncation prompt.")
        let mixed = try refusal([Self.long, Self.same, Self.same]) { $0.maximumLength = 5 }
        #expect(mixed.reason.contains("1 too long, 2 chosen and rejected identical"))
        #expect(mixed.remedy == "Raise --max-length; give pairs whose completions differ.")
        let unscored = try refusal([#"{"messages": [{"role": "user", "content": "Q"}]}"#]) { $0.maximumLength = 5 }
        #expect(unscored.remedy == "Give chats in which a message of the assistant is learnt.")
        let text = try refusal([#"{"text": "xyz"}"#, #"{"text": ""}"#]) { $0.maximumLength = 2 }
        #expect(text.reason.contains("1 too long, 1 no token counts"), "\(text)")
        #expect(text.remedy.contains("Raise --max-length; give texts"))
        let empty = try refusal([#"{"prompt": "", "chosen": "y", "rejected": "n"}"#]) { $0.emptyPrompt = .drop }
        #expect(empty.remedy.hasPrefix("Give prompts") && !empty.remedy.contains("--max-length"), "\(empty)")
    }

    // MARK: Text and messages in one pair

    private let answers = #""chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]"#

    @Test("a prompt of text beside completions of messages is said to be so, and the reverse")
    func mixedForms() throws {
        let text = try failureOfPreparing(request([#"{"prompt": "Q", \#(answers)}"#]))
        #expect(text.reason == "prompt is a text, and the completions chosen and rejected are lists of messages")
        #expect(text.remedy.contains("Give prompt as a list of messages"), "\(text)")
        let messages = try failureOfPreparing(request([#"{"prompt": [{"role": "user", "content": "Q"}], "chosen": "y", "rejected": "n"}"#]))
        #expect(messages.reason == "prompt is a list of messages, and the completions chosen and rejected are texts")
        let neither = try failureOfPreparing(request(["{\(answers)}"]))
        #expect(neither.reason.contains("do not begin with the same messages"))
    }

    @Test("a prompt of text is not lost where the chats share only what the assistant says first")
    func sharedGreeting() throws {
        func chat(_ last: String) -> String {
            #"[{"role": "assistant", "content": "Hello."}, {"role": "assistant", "content": "\#(last)"}]"#
        }
        let line = #"{"prompt": "Q", "chosen": \#(chat("y")), "rejected": \#(chat("n"))}"#
        #expect(try failureOfPreparing(request([line])).reason.hasPrefix("prompt is a text"))
    }
}
