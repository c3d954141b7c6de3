import Tensors

/// Element types of safetensors headers. Tandem computes only with some of them: see `elementType`.
public enum SafetensorsType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case float4 = "F4"
    case float6E2M3 = "F6_E2M3"
    case float6E3M2 = "F6_E3M2"
    case unsigned8 = "U8"
    case signed8 = "I8"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case float8E8M0 = "F8_E8M0"
    case unsigned16 = "U16"
    case signed16 = "I16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case unsigned32 = "U32"
    case signed32 = "I32"
    case float32 = "F32"
    case unsigned64 = "U64"
    case signed64 = "I64"
    case float64 = "F64"
    case complex64 = "C64"

    /// Bits of one element.
    public var bitCount: Int {
        switch self {
        case .float4: 4
        case .float6E2M3, .float6E3M2: 6
        case .bool, .unsigned8, .signed8, .float8E5M2, .float8E4M3, .float8E8M0: 8
        case .unsigned16, .signed16, .float16, .bfloat16: 16
        case .unsigned32, .signed32, .float32: 32
        case .unsigned64, .signed64, .float64, .complex64: 64
        }
    }

    /// The type for the kernels. Nil if Tandem can't use weights of this type.
    public var elementType: ElementType? { ElementType(rawValue: rawValue) }
}
