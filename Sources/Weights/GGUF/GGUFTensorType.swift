/// A tensor type of GGUF files: numbers in blocks of a fixed size.
public struct GGUFTensorType: Equatable, Sendable {
    /// The name in llama.cpp.
    public let name: String
    /// Numbers in a block. Rows are whole blocks.
    public let blockElementCount: Int
    public let blockByteCount: Int
    /// How the numbers are decoded. Nil if Tandem can't decode this type.
    let encoding: GGUFEncoding?

    private init(_ name: String, _ elements: Int, _ bytes: Int, _ encoding: GGUFEncoding? = nil) {
        self.name = name
        blockElementCount = elements
        blockByteCount = bytes
        self.encoding = encoding
    }

    /// The type for a type number in a file. Nil for a number that GGUF does not define or no longer defines.
    init?(number: UInt32) {
        guard let type = GGUFTensorType.all[number] else { return nil }
        self = type
    }

    /// Sizes from ggml's block structures. Most types can't be decoded. They are listed so that an error gives their name.
    private static let all: [UInt32: GGUFTensorType] = [
        0: GGUFTensorType("F32", 1, 4, .float32),
        1: GGUFTensorType("F16", 1, 2, .float16),
        2: GGUFTensorType("Q4_0", 32, 18, .fourBits),
        3: GGUFTensorType("Q4_1", 32, 20, .fourBitsWithMinimum),
        6: GGUFTensorType("Q5_0", 32, 22),
        7: GGUFTensorType("Q5_1", 32, 24),
        8: GGUFTensorType("Q8_0", 32, 34, .eightBits),
        9: GGUFTensorType("Q8_1", 32, 40),
        10: GGUFTensorType("Q2_K", 256, 84),
        11: GGUFTensorType("Q3_K", 256, 110),
        12: GGUFTensorType("Q4_K", 256, 144),
        13: GGUFTensorType("Q5_K", 256, 176),
        14: GGUFTensorType("Q6_K", 256, 210),
        15: GGUFTensorType("Q8_K", 256, 292),
        16: GGUFTensorType("IQ2_XXS", 256, 66),
        17: GGUFTensorType("IQ2_XS", 256, 74),
        18: GGUFTensorType("IQ3_XXS", 256, 98),
        19: GGUFTensorType("IQ1_S", 256, 50),
        20: GGUFTensorType("IQ4_NL", 32, 18),
        21: GGUFTensorType("IQ3_S", 256, 110),
        22: GGUFTensorType("IQ2_S", 256, 82),
        23: GGUFTensorType("IQ4_XS", 256, 136),
        24: GGUFTensorType("I8", 1, 1),
        25: GGUFTensorType("I16", 1, 2),
        26: GGUFTensorType("I32", 1, 4),
        27: GGUFTensorType("I64", 1, 8),
        28: GGUFTensorType("F64", 1, 8),
        29: GGUFTensorType("IQ1_M", 256, 56),
        30: GGUFTensorType("BF16", 1, 2, .bfloat16),
        34: GGUFTensorType("TQ1_0", 256, 54),
        35: GGUFTensorType("TQ2_0", 256, 66),
        39: GGUFTensorType("MXFP4", 32, 17),
        40: GGUFTensorType("NVFP4", 64, 36),
        41: GGUFTensorType("Q1_0", 128, 18),
    ]

    /// Names of the types that Tandem decodes, for errors.
    static let readable = all.sorted { $0.key < $1.key }.filter { $0.value.encoding != nil }.map(\.value.name)
        .joined(separator: ", ")
}
