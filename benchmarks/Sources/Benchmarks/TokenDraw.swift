import Datasets
import Settings
import Tensors

/// Random token ids. The first three ids are left out, because tokenizers use them for special tokens.
enum TokenDraw {
    static func ids(_ count: Int, vocabulary: Int, _ random: inout KeyedRandom) -> [Int32] {
        (0..<count).map { _ in Int32.random(in: 3..<Int32(vocabulary), using: &random) }
    }

    static func texts(count: Int, length: Int, vocabulary: Int, seed: UInt64) -> [[Int32]] {
        (0..<count).map { index in
            var random = KeyedRandom(key: seed, 0x7465_7874, UInt64(index))
            return ids(length, vocabulary: vocabulary, &random)
        }
    }
}
