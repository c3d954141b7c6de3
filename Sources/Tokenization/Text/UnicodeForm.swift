import Foundation

/// The normal forms of Unicode (UAX 15), with the tables of Hugging Face's normaliser.
///
/// Foundation decomposes single characters only; ordering and composition are done here. Foundation's normal forms of full
/// texts are wrong: they misplace marks after compatibility decompositions, and confuse a character above U+FFFF with the
/// character of its low 16 bits.
enum UnicodeForm {
    static func decomposed(_ text: String, isCompatible: Bool) -> String {
        string(orderedParts(of: text, isCompatible))
    }

    static func composed(_ text: String, isCompatible: Bool) -> String {
        var result: [Unicode.Scalar] = []
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in orderedParts(of: text, isCompatible) {
            let ownClass = combiningClass(scalar)
            // A mark composes with its starter only if all marks between them have lower classes.
            if let place = starter, place == result.count - 1 || (lastClass != 0 && lastClass < ownClass),
                let joined = composition(result[place], scalar)
            {
                result[place] = joined
                continue
            }
            if ownClass == 0 { starter = result.count }
            result.append(scalar)
            lastClass = ownClass
        }
        return string(result)
    }

    private static func string(_ scalars: [Unicode.Scalar]) -> String { String(String.UnicodeScalarView(scalars)) }

    // MARK: Decomposition

    /// The full decomposition, with marks in canonical order.
    private static func orderedParts(of text: String, _ isCompatible: Bool) -> [Unicode.Scalar] {
        var parts: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar.isASCII || isUnknown(scalar) {
                parts.append(scalar)
                continue
            }
            let single = String(scalar)
            let decomposed =
                isCompatible
                ? single.decomposedStringWithCompatibilityMapping : single.decomposedStringWithCanonicalMapping
            parts.append(contentsOf: decomposed.unicodeScalars)
        }
        orderMarks(in: &parts)
        return parts
    }

    /// Orders each run of marks by their classes; equal classes keep their order. One run may be a whole text.
    private static func orderMarks(in parts: inout [Unicode.Scalar]) {
        var start = 0
        while start < parts.count {
            var end = start
            var isOrdered = true
            var last: UInt8 = 0
            while end < parts.count {
                let ownClass = combiningClass(parts[end])
                guard ownClass != 0 else { break }
                isOrdered = isOrdered && last <= ownClass
                last = ownClass
                end += 1
            }
            if !isOrdered {
                let marks = parts[start..<end].enumerated().map { (class: combiningClass($1), place: $0, mark: $1) }
                let ordered = marks.sorted { ($0.class, $0.place) < ($1.class, $1.place) }
                parts.replaceSubrange(start..<end, with: ordered.map(\.mark))
            }
            start = end + 1
        }
    }

    private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x300 || isUnknown(scalar) ? 0 : scalar.properties.canonicalCombiningClass.rawValue
    }

    // MARK: Composition

    private static func composition(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        switch (first.value, second.value) {
        case (0x1100..<0x1113, 0x1161..<0x1176):
            return Unicode.Scalar(0xac00 + ((first.value - 0x1100) * 21 + second.value - 0x1161) * 28)
        case (0xac00..<0xd7a4, 0x11a8..<0x11c3) where (first.value - 0xac00) % 28 == 0:
            return Unicode.Scalar(first.value + second.value - 0x11a7)
        default: return compositions[Pair(first: first, second: second)]
        }
    }

    private struct Pair: Hashable {
        let first: Unicode.Scalar
        let second: Unicode.Scalar
    }

    /// The composition of each pair: every character of Unicode 10 that decomposes into two or more and is not excluded.
    private static let compositions: [Pair: Unicode.Scalar] = {
        var whole: [[Unicode.Scalar]: Unicode.Scalar] = [:]
        for value in [0xc0...0x30ff, 0x11000...0x115ff].joined() {
            guard let scalar = Unicode.Scalar(UInt32(value)), !isUnknown(scalar),
                !scalar.properties.isFullCompositionExclusion
            else { continue }
            let parts = Array(String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars)
            if parts.count > 1 { whole[parts] = scalar }
        }
        var pairs: [Pair: Unicode.Scalar] = [:]
        for (parts, scalar) in whole {
            // All parts but the last are one character, or compose to one.
            let head = Array(parts.dropLast())
            guard let first = head.count == 1 ? head[0] : whole[head] else { continue }
            pairs[Pair(first: first, second: parts[parts.count - 1])] = scalar
        }
        return pairs
    }()

    // MARK: Characters that Hugging Face does not know

    /// Whether normalisation changes the character only since Unicode 11.
    ///
    /// Hugging Face's tables are older: there such a mark does not move or compose, and no other mark moves past it.
    private static func isUnknown(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x7fd else { return false }
        var (low, high) = (0, unknown.count)
        while low < high {
            let middle = (low + high) / 2
            if unknown[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
        }
        return low < unknown.count && unknown[low].contains(scalar.value)
    }

    /// Characters for `isUnknown`, in ascending order.
    private static let unknown: [ClosedRange<UInt32>] = [
        0x7fd...0x7fd, 0x897...0x89f, 0x8ca...0x8d3, 0x9fe...0x9fe, 0xc3c...0xc3c, 0xd3b...0xd3c, 0xeba...0xeba,
        0x1715...0x1715, 0x1abf...0x1add, 0x1ae0...0x1aeb, 0x1df6...0x1dfa, 0x32ff...0x32ff, 0xa7f2...0xa7f4,
        0xa82c...0xa82c, 0xab69...0xab69, 0x10781...0x10785, 0x10787...0x107b0, 0x107b2...0x107ba,
        0x10d24...0x10d27, 0x10d69...0x10d6d, 0x10eab...0x10eac, 0x10efa...0x10efb, 0x10efd...0x10eff,
        0x10f46...0x10f50, 0x10f82...0x10f85, 0x11070...0x11070, 0x1133b...0x1133b, 0x113ce...0x113d0,
        0x1145e...0x1145e, 0x11839...0x1183a, 0x11930...0x11930, 0x11938...0x11938, 0x1193d...0x1193e,
        0x11943...0x11943, 0x119e0...0x119e0, 0x11a34...0x11a34, 0x11a47...0x11a47, 0x11a99...0x11a99,
        0x11d42...0x11d42, 0x11d44...0x11d45, 0x11d97...0x11d97, 0x11f41...0x11f42, 0x1612f...0x1612f,
        0x16ff0...0x16ff1, 0x1e030...0x1e06d, 0x1e08f...0x1e08f, 0x1e130...0x1e136, 0x1e2ae...0x1e2ae,
        0x1e2ec...0x1e2ef, 0x1e4ec...0x1e4ef, 0x1e5ee...0x1e5ef, 0x1e6e3...0x1e6e3, 0x1e6e6...0x1e6e6,
        0x1e6ee...0x1e6ef, 0x1e6f5...0x1e6f5, 0x1f16c...0x1f16c, 0x1fbf0...0x1fbf9,
    ]
}
