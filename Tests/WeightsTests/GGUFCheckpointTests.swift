import Foundation
import JSON
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct GGUFCheckpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ builder: GGUFBuilder) throws -> GGUFCheckpoint {
        try GGUFCheckpoint(path: try folder.write("x.gguf", builder.file))
    }

    /// The Hugging Face folder that a conversion gives.
    private func converted(_ builder: GGUFBuilder, as type: ElementType = .float32) throws -> HuggingFaceCheckpoint {
        try CheckpointConversion(open(builder), elementType: type).write(to: folder.path + "/out")
        return try HuggingFaceCheckpoint(folder: folder.path + "/out")
    }

    /// Rows of `columnCount` numbers that count from `first`.
    private func counting(_ first: Int, rows: [Int], columnCount: Int = 8) -> [Float] {
        rows.flatMap { row in (0..<columnCount).map { Float(first + row * columnCount + $0) } }
    }

    @Test("the permutation of a head's rows is undone: rows 2i and 2i + 1 become i and i + D/2")
    func permutation() throws {
        var builder = GGUFBuilder()
        builder.tensors = [.init(name: "t", dimensions: [1, 12], data: bytes(Array(repeating: 0, count: 12)))]
        let stored = try GGUFFile(path: try folder.write("x.gguf", builder.file)).tensors[0]
        func order(_ headCount: Int?) -> [Int] {
            let entry = GGUFTensorTable.Entry(
                name: "t", stored: stored, rowCount: 12, columnCount: 1, isVector: false, permutedHeadCount: headCount)
            return (0..<12).map(entry.storedRow)
        }
        #expect(order(nil) == Array(0..<12))
        #expect(order(1) == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11])
        #expect(order(2) == [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
        #expect(order(3) == [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11])
    }

    @Test("a llama file becomes a folder that opens, names mapped, query and key rows in Hugging Face's order")
    func llama() throws {
        let checkpoint = try converted(tinyGGUF("llama"))
        let wanted = ModelConfiguration(
            family: .llama, vocabularySize: 10, hiddenSize: 8, feedForwardSize: 6, layerCount: 1, headCount: 2,
            keyValueHeadCount: 1, headDimension: 4, ropeTheta: 1e6, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 64, initializerRange: 0.02)
        #expect(checkpoint.configuration == wanted)
        let layer = "model.layers.0."
        let expected: [String: (rowCount: Int, columnCount: Int, values: [Float])] = [
            "model.embed_tokens.weight": (10, 8, counting(0, rows: Array(0..<10))),
            layer + "input_layernorm.weight": (1, 8, counting(1000, rows: [0])),
            layer + "self_attn.q_proj.weight": (8, 8, counting(2000, rows: [0, 2, 1, 3, 4, 6, 5, 7])),
            layer + "self_attn.k_proj.weight": (4, 8, counting(3000, rows: [0, 2, 1, 3])),
            layer + "self_attn.v_proj.weight": (4, 8, counting(4000, rows: [0, 1, 2, 3])),
            layer + "self_attn.o_proj.weight": (8, 8, counting(5000, rows: Array(0..<8))),
            layer + "post_attention_layernorm.weight": (1, 8, counting(6000, rows: [0])),
            layer + "mlp.gate_proj.weight": (6, 8, counting(7000, rows: Array(0..<6))),
            layer + "mlp.up_proj.weight": (6, 8, counting(8000, rows: Array(0..<6))),
            layer + "mlp.down_proj.weight": (8, 6, counting(9000, rows: Array(0..<8), columnCount: 6)),
            "model.norm.weight": (1, 8, counting(10000, rows: [0])),
        ]
        #expect(Set(checkpoint.tensorNames) == Set(expected.keys))
        for (name, tensor) in expected {
            let matrix = try checkpoint.matrix(named: name, rowCount: tensor.rowCount, columnCount: tensor.columnCount)
            #expect(matrix.widened == tensor.values, "\(name)")
        }
    }

    @Test("a qwen2 file keeps the order of its rows, its biases and its own head")
    func qwen2() throws {
        let checkpoint = try converted(tinyGGUF("qwen2"))
        #expect(checkpoint.configuration.projectionBias && !checkpoint.configuration.tiedEmbeddings)
        func values(_ name: String, _ rowCount: Int) throws -> [Float] {
            try checkpoint.matrix(named: name, rowCount: rowCount, columnCount: 8).widened
        }
        let attention = "model.layers.0.self_attn."
        #expect(try values(attention + "q_proj.weight", 8) == counting(2000, rows: Array(0..<8)))
        #expect(try values(attention + "k_proj.weight", 4) == counting(3000, rows: Array(0..<4)))
        #expect(try values(attention + "q_proj.bias", 1) == counting(11000, rows: [0]))
        #expect(
            try checkpoint.matrix(named: attention + "v_proj.bias", rowCount: 1, columnCount: 4).widened
                == counting(13000, rows: [0], columnCount: 4))
        #expect(try values("lm_head.weight", 10) == counting(14000, rows: Array(0..<10)))
    }

    @Test("an output head that holds the embedding's numbers is the embedding, in whatever type; one of other numbers is its own")
    func head() throws {
        var builder = tinyGGUF("llama")
        let numbers = (0..<80).map(Float.init)
        builder.tensors.append(.init(name: "output.weight", dimensions: [8, 10], data: bytes(numbers)))
        let same = try converted(builder)
        #expect(same.configuration.tiedEmbeddings && same.tensor(named: "lm_head.weight") == nil)

        // Whole numbers below 256 are exact in bfloat16.
        builder.change("output.weight") { ($0.type, $0.data) = (30, numbers.flatMap { littleEndian(UInt16($0.bitPattern >> 16)) }) }
        #expect(try converted(builder).configuration.tiedEmbeddings)

        builder.change("output.weight") { ($0.type, $0.data) = (0, bytes(numbers.map { $0 + 1 })) }
        let own = try converted(builder)
        #expect(!own.configuration.tiedEmbeddings)
        #expect(try own.matrix(named: "lm_head.weight", rowCount: 10, columnCount: 8).widened == numbers.map { $0 + 1 })
    }

    @Test("bfloat16 is written where it is asked for, and config.json says so and names the special ids")
    func brain() throws {
        let checkpoint = try converted(tinyGGUF("llama"), as: .bfloat16)
        #expect(checkpoint.elementType == .bfloat16)
        // 1001 has ten bits: the nearest of eight are 1000 and 1004.
        let norm = try checkpoint.matrix(named: "model.layers.0.input_layernorm.weight", rowCount: 1, columnCount: 8)
        #expect(norm.widened == [1000, 1000, 1000, 1004, 1004, 1004, 1008, 1008])
        let json = try JSONValue(parsing: [UInt8](checkpoint.configurationJSON))
        #expect(json["dtype"]?.text == "bfloat16")
        #expect([json["bos_token_id"], json["eos_token_id"], json["pad_token_id"]].map { $0?.wholeNumber } == [1, 0, 0])
    }

    @Test("quantised tensors are decoded on the way, and their rows put in order")
    func quantised() throws {
        var builder = tinyGGUF("llama")
        // Blocks take widths of 32: heads of 16, one of them for keys.
        builder.set("llama.embedding_length", whole(32))
        builder.set("llama.feed_forward_length", whole(32))
        let sizes = ["token_embd.weight": [32, 10], "blk.0.attn_k.weight": [32, 16], "blk.0.attn_v.weight": [32, 16]]
        for index in builder.tensors.indices {
            let tensor = builder.tensors[index]
            let isVector = tensor.dimensions.count == 1
            builder.tensors[index].dimensions = sizes[tensor.name] ?? (isVector ? [32] : [32, 32])
            builder.tensors[index].type = isVector ? 0 : 8
            // Q8_0 with a scale of 0.5, and each row's number as all its bytes.
            let block: [UInt8] = [0x00, 0x38]
            builder.tensors[index].data =
                isVector
                ? bytes(Array(repeating: 1, count: 32))
                : (0..<(sizes[tensor.name]?[1] ?? 32)).flatMap { block + Array(repeating: UInt8($0), count: 32) }
        }
        let checkpoint = try converted(builder)
        let keys = try checkpoint.matrix(named: "model.layers.0.self_attn.k_proj.weight", rowCount: 16, columnCount: 32)
        let rows: [Float] = [0, 1, 2, 3, 4, 5, 6, 7, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
        #expect(keys.widened == rows.flatMap { Array(repeating: $0, count: 32) })
    }

    @Test("a file that is cut anywhere is refused as damaged")
    func truncated() throws {
        let whole = tinyGGUF("llama").file
        for count in 0..<whole.count {
            let path = try folder.write("cut.gguf", whole.prefix(count))
            let failure = try #require(throws: Failure.self, "\(count) bytes") { try GGUFCheckpoint(path: path) }
            #expect(failure.exitCode == .damagedData, "\(count) bytes: \(failure)")
        }
        #expect(throws: Never.self) { try GGUFCheckpoint(path: try folder.write("whole.gguf", whole)) }
    }

    @Test("a file with any byte of its header changed is read or refused, and never crashes")
    func changedBytes() throws {
        let whole = tinyGGUF("llama").file
        let dataStart = try open(tinyGGUF("llama")).file.tensors[0].byteRange.lowerBound
        var outcomes: [Bool] = []
        for place in 0..<dataStart {
            for change: UInt8 in [0x01, 0xFF] {
                var changed = whole
                changed[place] ^= change
                let path = try folder.write("changed.gguf", changed)
                do throws(Failure) {
                    let checkpoint = try GGUFCheckpoint(path: path)
                    for entry in checkpoint.table.entries { _ = checkpoint.rows(0..<entry.rowCount, of: entry) }
                    _ = checkpoint.tokenizer.files
                    outcomes.append(true)
                } catch {
                    #expect(!error.description.contains("\n"))
                    outcomes.append(false)
                }
            }
        }
        // Letters of a token may change; lengths, types and places may not.
        #expect(outcomes.contains(true) && outcomes.count { !$0 } > outcomes.count / 2)
    }

    @Test("what is being read is not replaced, and a failed report leaves nothing behind")
    func destination() throws {
        let checkpoint = try open(tinyGGUF("llama"))
        let conversion = try CheckpointConversion(checkpoint, elementType: .float32)
        let inside = try #require(throws: Failure.self) { try conversion.write(to: folder.path) }
        #expect(inside.exitCode == .configuration && inside.reason.contains("which is being read"))
        let stop = Failure.inputOutput("standard output", "is full", remedy: "")
        #expect(throws: stop) { try conversion.write(to: folder.path + "/out") { (_) throws(Failure) in throw stop } }
        #expect(try folder.names() == ["x.gguf"])
    }

    @Test("another Hugging Face folder is written anew in another type, with its tokenizer files")
    func folderToFolder() throws {
        let source = try converted(tinyGGUF("qwen2"))
        var reports: [Int] = []
        let conversion = try CheckpointConversion(source, names: source.tensorNames, elementType: .bfloat16)
        try conversion.write(to: folder.path + "/second") { (progress) throws(Failure) in
            reports.append(progress.elementsWritten)
        }
        #expect(reports.count == 15 && reports.last == conversion.elementCount && reports == reports.sorted())
        let second = try HuggingFaceCheckpoint(folder: folder.path + "/second")
        #expect(second.configuration == source.configuration && second.elementType == .bfloat16)
        #expect(Set(second.tensorNames) == Set(source.tensorNames))
        #expect(try folder.names("second") == folder.names("out"))
        #expect(try folder.read("second/tokenizer.json") == folder.read("out/tokenizer.json"))
    }
}
