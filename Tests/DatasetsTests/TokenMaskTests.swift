import Foundation
import Settings
import Testing

@testable import Datasets

@Suite("Masks of token ids") struct TokenMaskTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ masks: String, fields: [String: String] = [:]) throws -> PrepareRequest {
        let input = try folder.write(#"{"input_ids": [1, 20, 30, 40, 50, 2], \#(masks)}"# + "\n", to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, fields: fields)
    }

    @Test(
        "every kind of mask says which ids are learnt, and several that agree say it together",
        arguments: [
            #""labels": [-100, -100, -100, 40, 50, 2], "attention_mask": [1, 1, 1, 1, 1, 1]"#,
            #""loss_mask": [0, 0, 0, 1, 1, 1]"#, #""completion_mask": [0, 0, 0, 1, 1, 1]"#,
            #""assistant_masks": [false, false, false, true, true, true]"#,
            #""loss_mask": null, "assistant_masks": [0, 0, 0, 1, 1, 1], "labels": [-100, -100, -100.0, 40, 50, 2]"#,
            // The first token never counts, so what is said of it contradicts nothing.
            #""labels": [1, -100, -100, 40, 50, 2], "completion_mask": [0, 0, 0, 1, 1, 1]"#,
        ])
    func masks(_ masks: String) throws {
        #expect(try prepare(request(masks)).training.records == 1)
        let record = try DatasetFile(path: output).record(0)
        #expect(record.tokens == [1, 20, 30, 40, 50, 2])
        #expect(record.lossMask?.dropFirst() == [false, false, true, true, true])
    }

    @Test("labels that are all the ids count every token")
    func wholeLabels() throws {
        try prepare(request(#""labels": [1, 20, 30, 40, 50, 2]"#))
        #expect(try DatasetFile(path: output).record(0).lossMask?.allSatisfy { $0 } != false)
    }

    @Test("a mask under another name is read where it is named")
    func otherName() throws {
        let masks = #""response_mask": [0, 0, 0, 1, 1, 1], "loss_mask": "none""#
        try prepare(request(masks, fields: ["loss_mask": "response_mask"]))
        #expect(try DatasetFile(path: output).record(0).lossMask == [false, false, false, true, true, true])
    }

    @Test("labels that count nothing leave nothing to learn, and the record is dropped")
    func noLabels() throws {
        let failure = try failureOfPreparing(request(#""labels": [-100, -100, -100, -100, -100, -100]"#))
        #expect(failure.reason.contains("1 no token counts") && !failure.remedy.contains("--max-length"), "\(failure)")
    }

    @Test(
        "masks of another length, with other values, of other tokens, or that contradict each other are refused",
        arguments: [
            (#""labels": [-100, 20]"#, "labels has 2 entries for 6 input_ids"),
            (#""completion_mask": [0, 0, 0, 1, 1, 1, 1]"#, "completion_mask has 7 entries for 6 input_ids"),
            (#""assistant_masks": []"#, "assistant_masks has 0 entries for 6 input_ids"),
            (#""assistant_masks": [0, 0, 0, 1, 1, 2]"#, "assistant_masks holds 2, not 0 or 1"),
            (#""completion_mask": [0, 0, 0, 1, 1, 0.5]"#, "completion_mask holds 0.5"),
            (#""completion_mask": "000111""#, "completion_mask is not a list"),
            (#""labels": [-100, -100, -100, 40, 51, 2]"#, "labels[4] is 51, neither the id 50 of that place nor −100"),
            // Shifted by one, as some trainers store them.
            (#""labels": [20, 30, 40, 50, 2, -100]"#, "labels[0] is 20, neither the id 1 of that place nor −100"),
            (#""labels": [-101, -100, -100, 40, 50, 2]"#, "-101"), (#""labels": 1"#, "labels is not a list"),
            (#""labels": [[-100, -100, -100, 40, 50, 2]]"#, "labels holds something that is not a whole number"),
            (
                #""labels": [-100, -100, -100, 40, 50, 2], "loss_mask": [0, 0, 1, 1, 1, 1]"#,
                "loss_mask and labels contradict each other at index 2"
            ),
            (
                #""completion_mask": [0, 1, 1, 1, 1, 1], "assistant_masks": [0, 1, 0, 1, 1, 1]"#,
                "completion_mask and assistant_masks contradict each other at index 2"
            ),
        ])
    func refused(_ example: (masks: String, says: String)) throws {
        let failure = try failureOfPreparing(request(example.masks))
        #expect(failure.exitCode == .damagedData && failure.place == "\(folder.file("in.jsonl")):1")
        #expect(failure.reason.contains(example.says), "\(failure)")
    }
}
