import Foundation

extension Normalizer.Step {
    /// The text after this step, as Hugging Face's `tokenizers` makes it.
    func applied(to text: String) -> String {
        switch self {
        case .composed: text.normalizedAsKnown { $0.precomposedStringWithCanonicalMapping }
        case .decomposed: text.normalizedAsKnown { $0.decomposedStringWithCanonicalMapping }
        case .compatibilityComposed: text.normalizedAsKnown { $0.precomposedStringWithCompatibilityMapping }
        case .compatibilityDecomposed: text.normalizedAsKnown { $0.decomposedStringWithCompatibilityMapping }
        // Character by character: no final sigma.
        case .lowercase: text.unicodeScalars.map { $0.properties.lowercaseMapping }.joined()
        }
    }
}

extension String {
    /// The normal form by `form`, with characters that Hugging Face's normaliser does not know left where they are.
    ///
    /// Its tables are those of Unicode 10: a mark that came later neither moves nor composes there, nor lets others pass it.
    fileprivate func normalizedAsKnown(_ form: (String) -> String) -> String {
        var result = ""
        var run = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            // Foundation decomposes these three Tibetan vowels, but leaves what they become out of order.
            case 0xf73: run += ["\u{f71}", "\u{f72}"]
            case 0xf75: run += ["\u{f71}", "\u{f74}"]
            case 0xf81: run += ["\u{f71}", "\u{f80}"]
            case let value where value >= 0x7fd && String.isUnknown(value):
                result += form(String(run))
                result.unicodeScalars.append(scalar)
                run = String.UnicodeScalarView()
            default: run.append(scalar)
            }
        }
        return result + form(String(run))
    }

    private static func isUnknown(_ value: UInt32) -> Bool {
        var (low, high) = (0, unknown.count)
        while low < high {
            let middle = (low + high) / 2
            if unknown[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < unknown.count && unknown[low].contains(value)
    }

    /// What normalisation does something with since Unicode 11, ascending.
    private static let unknown: [ClosedRange<UInt32>] = [
        0x7fd...0x7fd, 0x898...0x89f, 0x8ca...0x8d3, 0x9fe...0x9fe, 0xc3c...0xc3c, 0xd3b...0xd3c, 0xeba...0xeba,
        0x1715...0x1715, 0x1abf...0x1ace, 0x1df6...0x1dfa, 0x32ff...0x32ff, 0xa7f2...0xa7f4, 0xa82c...0xa82c,
        0xab69...0xab69, 0x10781...0x10785, 0x10787...0x107b0, 0x107b2...0x107ba, 0x10d24...0x10d27,
        0x10eab...0x10eac, 0x10efd...0x10eff, 0x10f46...0x10f50, 0x10f82...0x10f85, 0x11070...0x11070,
        0x1133b...0x1133b, 0x1145e...0x1145e, 0x11839...0x1183a, 0x11930...0x11930, 0x11938...0x11938,
        0x1193d...0x1193e, 0x11943...0x11943, 0x119e0...0x119e0, 0x11a34...0x11a34, 0x11a47...0x11a47,
        0x11a99...0x11a99, 0x11d42...0x11d42, 0x11d44...0x11d45, 0x11d97...0x11d97, 0x11f41...0x11f42,
        0x16ff0...0x16ff1, 0x1e030...0x1e06d, 0x1e08f...0x1e08f, 0x1e130...0x1e136, 0x1e2ae...0x1e2ae,
        0x1e2ec...0x1e2ef, 0x1e4ec...0x1e4ef, 0x1f16c...0x1f16c, 0x1fbf0...0x1fbf9,
    ]
}
