import Datasets
import Foundation
import Settings
import Tensors

/// The distribution of the lengths of preference pairs, in tokens, for each part of a pair.
public struct PairLengths: Sendable {
    /// The minimum, the seven octiles, and the maximum.
    public var prompt, chosen, rejected: [Int]
    /// The most tokens of prompt and completion together.
    public var longest: Int

    /// The lengths of the 64 real pairs of the peer benchmark, `bench64_tokens.jsonl`, with SmolLM2's tokenizer: 35,005 tokens
    /// with each prompt once (8,117 of prompts; means of 127, 172 and 248), and 43,122 tokens as full sequences.
    public static let bench64 = PairLengths(
        prompt: [62, 80, 90, 98, 107, 113, 133, 186, 442], chosen: [3, 61, 111, 147, 159, 212, 231, 269, 420],
        rejected: [62, 112, 195, 233, 249, 282, 329, 357, 420], longest: 512)

    /// Random pairs with these lengths. Ids are drawn evenly, lengths by linear interpolation between the octiles.
    public func pairs(count: Int, vocabulary: Int, seed: UInt64) -> [DatasetRecord] {
        (0..<count).map { index in
            var random = KeyedRandom(key: seed, PairLengths.purpose, UInt64(index))
            let prompt = length(prompt, &random)
            func completion(_ octiles: [Int]) -> [Int32] {
                TokenDraw.ids(min(length(octiles, &random), longest - prompt), vocabulary: vocabulary, &random)
            }
            let ids = TokenDraw.ids(prompt, vocabulary: vocabulary, &random)
            return DatasetRecord(prompt: ids, chosen: completion(chosen), rejected: completion(rejected))
        }
    }

    private func length(_ octiles: [Int], _ random: inout KeyedRandom) -> Int {
        let place = random.nextUnit() * Double(octiles.count - 1)
        let index = min(Int(place), octiles.count - 2)
        let (low, high) = (Double(octiles[index]), Double(octiles[index + 1]))
        return Int((low + (high - low) * (place - Double(index))).rounded())
    }

    /// "pairs" in ASCII. Separates these random numbers from others with the same seed.
    private static let purpose: UInt64 = 0x70_6169_7273
}
