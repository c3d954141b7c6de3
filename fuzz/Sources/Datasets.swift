import Foundation
import Settings

@testable import Datasets
@testable import Tokenization

extension FuzzTarget {
    /// Lines of records: the first decides the form of all.
    static let records = FuzzTarget(
        name: "records",
        seeds: {
            [
                #"{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4, 5], "score": {"a": [1.5e3, null]}}"#,
                #"{"input_ids": [1, 2, 3], "loss_mask": [0, 1, true]}"# + "\n" + #"{"input_ids": [7, 8]}"#,
                #"{"text": "the a\u00e9\ud83e\udd8a\n", "loss_masking_spans": [[0, 3], [2, 4]]}"#,
                #"{"prompt": "a", "chosen": " b", "rejected": " c"}"#,
                #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "x": []}]}"#,
                #"{"input_ids": [1, 2, 3], "labels": [-100, 2, 3], "attention_mask": [1, 1, 1], "position_ids": [0, 1, 2], "weight": 1.0}"#,
                #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "bb", "weight": 0}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "dd", "train": true, "tool_calls": [null]}], "tools": []}"#,
                #"{"prompt": [{"role": "user", "content": "aaaa"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "chosen": [{"role": "assistant", "content": "d"}], "rejected": [{"role": "assistant", "content": "e"}], "system": "", "margin": 0}"#,
                #"{"prompt": [{"role": "user", "content": "x"}], "chosen": [{"role": "assistant", "content": "b"}], "rejected": [{"role": "assistant", "content": ""}]}"#,
            ].map { Array($0.utf8) }
        },
        read: { input in
            let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let rules = LengthRules(maximumLength: 8, truncation: .prompt)
            let judge = try LineJudge(firstLine: lines[0], names: FieldNames(), encoder: encoder.get(), rules: rules, asked: nil)
            for line in lines { _ = try judge.judge(line) }
        })

    private static let encoder = Result {
        let folder = Scratch.folder + "/tokenizer"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = Scratch.write("tokenizer/tokenizer.json", Array(levelled.utf8))
        _ = Scratch.write("tokenizer/tokenizer_config.json", Array(#"{"eos_token":"<|end|>"}"#.utf8))
        return try RecordEncoder(folder: folder)
    }

    /// With `TANDEM_FUZZ_CHECKSUMS=off` the HDF5 library takes every checksum of its metadata for right, so that inputs reach
    /// what lies behind them.
    static let dataset = FuzzTarget(
        name: "dataset",
        seeds: {
            try [DatasetKind.preference, .text].map { kind in
                let path = "\(Scratch.folder)/seed.h5"
                let writer = try DatasetWriter(path: path, kind: kind, tokenizer: small.get().identity)
                for index in 0..<Int32(3) {
                    switch kind {
                    case .preference:
                        try writer.append(DatasetRecord(prompt: [index, 1], chosen: [2, 3 + index], rejected: [4]))
                    case .text: try writer.append(DatasetRecord(tokens: [index, 5, 6], lossMask: [false, true, index > 0]))
                    }
                }
                try writer.commit()
                return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            }
        },
        read: { input in
            let file = try DatasetFile(path: Scratch.write("data.h5", input))
            try file.verify()
            _ = (try file.fingerprint(), try file.sampledFingerprint())
            for record in 0..<file.recordCount {
                let count = file.tokenCount(of: record)
                switch file.kind {
                case .preference:
                    let pair = try file.record(record)
                    precondition(pair.prompt.count + pair.chosen.count + pair.rejected.count == count)
                case .text:
                    let text = try file.record(record)
                    precondition(text.tokens.count == count && (text.lossMask?.count ?? count) == count)
                }
            }
        })
}

/// The HDF5 library's own function, which checks a block of metadata: where this program is asked to, both numbers are 0.
@_cdecl("H5F_get_checksums")
public func metadataChecksums(
    _ block: UnsafePointer<UInt8>?, _ count: Int, _ stored: UnsafeMutablePointer<UInt32>?,
    _ computed: UnsafeMutablePointer<UInt32>?
) -> CInt {
    let isChecked = getenv("TANDEM_FUZZ_CHECKSUMS").map { String(cString: $0) } != "off"
    guard let block, count >= 4 else { return -1 }
    stored?.pointee = 0
    computed?.pointee = 0
    guard isChecked else { return 0 }
    stored?.pointee = UInt32(littleEndian: UnsafeRawPointer(block).loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
    computed?.pointee = checksum(block, count - 4, 0)
    return 0
}

@_silgen_name("H5_checksum_metadata")
private func checksum(_ bytes: UnsafeRawPointer, _ count: Int, _ start: UInt32) -> UInt32
