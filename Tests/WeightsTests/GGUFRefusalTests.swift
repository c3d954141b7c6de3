import Foundation
import Settings
import TestSupport
import Testing

@testable import Weights

/// Files that are well formed but can't become a model.
@Suite struct GGUFRefusalTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ builder: GGUFBuilder) throws -> GGUFCheckpoint {
        try GGUFCheckpoint(path: try folder.write("x.gguf", builder.file))
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        let says: String
        var code = ExitCode.configuration
        let change: @Sendable (inout GGUFBuilder) -> Void
        var testDescription: String { says }

        /// A key with another value; nil takes it away.
        static func key(_ key: String, _ value: [UInt8]?, says: String, code: ExitCode = .configuration) -> Bad {
            Bad(says: says, code: code) { $0.set(key, value) }
        }
    }

    /// Over the tiny llama.
    static let models: [Bad] = [
        .key("general.architecture", text("gemma3"), says: #"general.architecture = "gemma3" is not implemented"#),
        .key("general.architecture", nil, says: "general.architecture is missing", code: .damagedData),
        .key("general.type", text("adapter"), says: #"general.type = "adapter" is not a model of its own"#),
        .key("split.count", whole(3), says: "one of 3 parts of a split model"),
        .key("general.quantization_version", whole(1), says: "general.quantization_version = 1"),
        .key("llama.rope.scaling.type", text("yarn"), says: #"llama.rope.scaling.type = "yarn" is not implemented"#),
        .key("llama.rope.scaling.factor", float(8), says: "llama.rope.scaling.factor = 8.0 is not implemented"),
        .key("llama.rope.dimension_count", whole(2), says: "llama.rope.dimension_count = 2"),
        .key("llama.attention.value_length", whole(8), says: "llama.attention.value_length = 8"),
        .key("llama.attention.sliding_window", whole(128), says: "llama.attention.sliding_window = 128"),
        .key("llama.expert_count", whole(8), says: "llama.expert_count = 8"),
        .key("llama.logit_scale", float(2), says: "llama.logit_scale = 2.0 is not known"),
        .key("llama.attention.head_count_kv", wholes([1, 2]), says: "differs from layer to layer"),
        .key("llama.attention.head_count", whole(3), says: "does not divide embedding_length = 8", code: .damagedData),
        .key("llama.attention.head_count_kv", whole(3), says: "does not divide head_count = 2", code: .damagedData),
        .key("llama.attention.key_length", whole(3), says: "heads of 3 numbers", code: .damagedData),
        .key("llama.attention.layer_norm_rms_epsilon", float(.nan), says: "must be a finite number", code: .damagedData),
        .key("llama.attention.layer_norm_rms_epsilon", nil, says: "epsilon is missing", code: .damagedData),
        .key("llama.embedding_length", whole(0), says: "llama.embedding_length = 0 must be", code: .damagedData),
        .key("llama.embedding_length", whole(16), says: "token_embd.weight has shape [10, 8]", code: .damagedData),
        .key("llama.context_length", text("64"), says: "must be a whole number", code: .damagedData),
        .key("llama.block_count", whole(Int(Int32.max)), says: "more layers than the file has tensors", code: .damagedData),
        .key("llama.block_count", whole(2), says: "has no tensor blk.1.attn_norm.weight", code: .damagedData),
        .key("llama.vocab_size", whole(11), says: "contradicts the 10 rows", code: .damagedData),
        Bad(says: "tensor blk.0.attn_norm.weight is stored as Q8_1, which is not implemented") {
            $0.change("blk.0.attn_norm.weight") { $0 = .init(name: $0.name, dimensions: [32], type: 9, data: bytes(Array(repeating: 0, count: 10))) }
            $0.set("llama.embedding_length", whole(32))
            $0.change("token_embd.weight") { $0 = .init(name: $0.name, dimensions: [32, 10], data: bytes(Array(repeating: 0, count: 320))) }
        },
        Bad(says: "tensor blk.0.attn_q.bias belongs to no part of a llama model") {
            $0.tensors.append(.init(name: "blk.0.attn_q.bias", dimensions: [8], data: bytes(Array(repeating: 0, count: 8))))
        },
        Bad(says: "tensor rope_freqs.weight scales the rotary positions") {
            $0.tensors.append(.init(name: "rope_freqs.weight", dimensions: [2], data: bytes([1, 8])))
        },
    ]

    static let tokenizers: [Bad] = [
        .key("tokenizer.ggml.model", text("llama"), says: #"tokenizer.ggml.model = "llama" (a SentencePiece vocabulary)"#),
        .key("tokenizer.ggml.model", text("bert"), says: #"tokenizer.ggml.model = "bert" is not implemented"#),
        .key("tokenizer.ggml.model", nil, says: "tokenizer.ggml.model is missing", code: .damagedData),
        .key("tokenizer.ggml.pre", text("default"), says: #"tokenizer.ggml.pre = "default" is not implemented"#),
        .key("tokenizer.ggml.pre", nil, says: "tokenizer.ggml.pre is missing", code: .damagedData),
        .key("tokenizer.ggml.add_space_prefix", flag(true), says: "tokenizer.ggml.add_space_prefix = true"),
        .key("tokenizer.ggml.add_bos_token", whole(1), says: "must be true or false", code: .damagedData),
        .key(
            "tokenizer.ggml.tokens", texts(["a", "b"]),
            says: "tokenizer.ggml.tokens = a list of 2 does not match the 10 rows of tensor token_embd.weight",
            code: .damagedData),
        .key("tokenizer.ggml.tokens", nil, says: "tokenizer.ggml.tokens is missing", code: .damagedData),
        .key("tokenizer.ggml.tokens", wholes([1]), says: "must be a list of strings", code: .damagedData),
        .key(
            "tokenizer.ggml.tokens", texts(["<|end|>", "<|start|>", "a", "a", "c", "Ġ", "ab", "Ġab", "<tool>", "[PAD9]"]),
            says: #"holds "a" twice"#, code: .damagedData),
        .key("tokenizer.ggml.token_type", wholes([1]), says: "does not match the 10 tokens", code: .damagedData),
        .key(
            "tokenizer.ggml.token_type", wholes(Array(repeating: 7, count: 10)), says: "holds an unknown type 7",
            code: .damagedData),
        .key("tokenizer.ggml.token_type", wholes(Array(repeating: 6, count: 10)), says: "holds type 6 (byte)"),
        .key("tokenizer.ggml.merges", texts(["ab"]), says: #"holds "ab", which is not two tokens"#, code: .damagedData),
        .key("tokenizer.ggml.merges", texts(["a "]), says: "which is not two tokens", code: .damagedData),
        .key("tokenizer.ggml.merges", texts(["b a"]), says: "not in the vocabulary", code: .damagedData),
        .key("tokenizer.ggml.merges", nil, says: "tokenizer.ggml.merges is missing", code: .damagedData),
        .key("tokenizer.ggml.eos_token_id", whole(10), says: "is no token of a vocabulary of 10", code: .damagedData),
    ]

    @Test("a model or tokenizer that is not computed is refused by name, a contradiction as damaged", arguments: models + tokenizers)
    func refused(bad: Bad) throws {
        var builder = tinyGGUF("llama")
        #expect(throws: Never.self) { try open(builder) }
        bad.change(&builder)
        let failure = try #require(throws: Failure.self) { try open(builder) }
        #expect(failure.description.contains(bad.says), "\(failure)")
        #expect(failure.exitCode == bad.code, "\(failure)")
        #expect(failure.place.hasSuffix("x.gguf"))
    }

    @Test("a missing tensor is named", arguments: ["llama", "qwen2"])
    func missingTensor(family: String) throws {
        let whole = tinyGGUF(family)
        for tensor in whole.tensors where tensor.name != "output.weight" {
            var builder = whole
            builder.tensors.removeAll { $0.name == tensor.name }
            let failure = try #require(throws: Failure.self) { try open(builder) }
            #expect(failure.exitCode == .damagedData && failure.reason == "has no tensor \(tensor.name)")
        }
    }

    @Test("values that say what is computed anyway are accepted")
    func accepted() throws {
        var builder = tinyGGUF("llama")
        for (key, value) in [
            ("llama.rope.scaling.type", text("none")), ("llama.rope.scaling.factor", float(1)),
            ("llama.attention.head_count_kv", wholes([1, 1])), ("llama.rope.dimension_count", whole(4)),
            ("llama.attention.key_length", whole(4)), ("llama.expert_count", whole(0)), ("llama.vocab_size", whole(10)),
            ("general.quantization_version", whole(2)), ("general.file_type", whole(0)), ("split.count", whole(1)),
        ] { builder.set(key, value) }
        builder.tensors.append(.init(name: "rope_freqs.weight", dimensions: [2], data: bytes([1, 1])))
        #expect(try open(builder).configuration == open(tinyGGUF("llama")).configuration)
        // Without a base llama.cpp takes 10000.
        builder.set("llama.rope.freq_base", nil)
        #expect(try open(builder).configuration.ropeTheta == 10000)
    }
}
