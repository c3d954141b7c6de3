import Foundation
import Settings
import Tensors

/// One way in which a file can be damaged.
enum Damage: CustomStringConvertible, Sendable {
    /// Bit `bit % 8` of byte `bit / 8` is the other one.
    case flip(bit: Int)
    case truncation(byteCount: Int)

    var description: String {
        switch self {
        case .flip(let bit): "bit \(bit % 8) of byte \(bit / 8) flipped"
        case .truncation(let byteCount): "cut after \(byteCount) bytes"
        }
    }

    func applied(to bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .flip(let bit):
            var bytes = bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            return bytes
        case .truncation(let byteCount): return Array(bytes.prefix(byteCount))
        }
    }

    /// Nine flips of bits of `range` for each truncation of the whole file, the same in every run.
    ///
    /// - Parameter range: bytes of the file; nil for all.
    static func random(of bytes: [UInt8], in range: Range<Int>? = nil, seed: UInt64) -> [Damage] {
        var random = KeyedRandom(key: seed, 0x64616d616765)
        let range = range ?? 0..<bytes.count
        return (0..<count).map { index in
            index % 10 == 9
                ? .truncation(byteCount: Int.random(in: 0..<bytes.count, using: &random))
                : .flip(bit: Int.random(in: range.lowerBound * 8..<range.upperBound * 8, using: &random))
        }
    }

    /// A thousand with `./launch/test --faults`.
    static let count = ProcessInfo.processInfo.environment["TANDEM_ALL_FAULTS"] == "1" ? 1000 : 100
}

/// What becomes of damaged files: how many were refused, and how many were read as if nothing had happened.
struct Outcomes {
    private(set) var refused = 0
    private(set) var harmless = 0
    /// Damages after which something else was read, or the failure was no one-line refusal of damaged data.
    private(set) var wrong: [String] = []

    /// Reads each damaged file: `read` gets its bytes and gives everything that can be read of it.
    static func of<Content: Equatable>(
        _ damages: [Damage], to bytes: [UInt8], intact: Content, _ read: ([UInt8]) throws -> Content
    ) throws -> Outcomes {
        var outcomes = Outcomes()
        for damage in damages {
            do {
                if try read(damage.applied(to: bytes)) == intact {
                    outcomes.harmless += 1
                } else {
                    outcomes.wrong.append("\(damage): something else is read")
                }
            } catch let failure as Failure {
                outcomes.refused += 1
                if failure.description.contains("\n") || failure.exitCode == .internal {
                    outcomes.wrong.append("\(damage): \(failure)")
                }
            }
        }
        return outcomes
    }
}
