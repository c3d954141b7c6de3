import Settings
import Tensors

/// Tensor encodings that Tandem reads. In quantised encodings a block of 32 numbers has one scale, and in Q4_1 also a minimum.
enum GGUFEncoding: Equatable, Sendable {
    case float32
    case float16
    case bfloat16
    /// Q8_0: a float16 scale d and 32 signed bytes q. A number is d · q.
    case eightBits
    /// Q4_0: a float16 scale d and 16 bytes. A number is d · (q − 8).
    case fourBits
    /// Q4_1: a float16 scale d, a float16 minimum m and 16 bytes. A number is d · q + m.
    case fourBitsWithMinimum
}
