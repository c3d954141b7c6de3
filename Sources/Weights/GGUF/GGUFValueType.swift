import JSON
import Settings

/// The stored type of a metadata value, with GGUF's type numbers.
enum GGUFValueType: UInt32 {
    case unsigned8 = 0
    case signed8 = 1
    case unsigned16 = 2
    case signed16 = 3
    case unsigned32 = 4
    case signed32 = 5
    case float32 = 6
    case flag = 7
    case text = 8
    case list = 9
    case unsigned64 = 10
    case signed64 = 11
    case float64 = 12

    /// Bytes of the shortest value of this type.
    var minimumByteCount: Int {
        switch self {
        case .unsigned8, .signed8, .flag: 1
        case .unsigned16, .signed16: 2
        case .unsigned32, .signed32, .float32: 4
        case .unsigned64, .signed64, .float64, .text: 8
        case .list: 12
        }
    }
}
