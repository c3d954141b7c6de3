import Foundation
import Settings

/// The memory that this process may still ask for, where a limit of its own is set (`ulimit -v`, `ulimit -d`). A library that is
/// refused ends the process without a word, or asks again for ever.
public struct ProcessLimit: Equatable, Sendable {
    public enum Kind: String, Sendable {
        /// All that is mapped: files, libraries and stacks too.
        case addressSpace = "ulimit -v"
        /// What the process can write to and shares with nobody.
        case data = "ulimit -d"
    }

    public let kind: Kind
    public let byteCount: Int
    /// What is left of it.
    public let rest: Int

    public init(_ kind: Kind, byteCount: Int, rest: Int) {
        self.kind = kind
        self.byteCount = byteCount
        self.rest = rest
    }

    /// The limit that leaves least; nil where there is none.
    ///
    /// - Parameter root: where `/proc` is; another folder for tests.
    public static func tightest(root: String = "") -> ProcessLimit? {
        guard let limits = SystemFile.text("\(root)/proc/self/limits"), let pages = SystemFile.text("\(root)/proc/self/statm") else { return nil }
        // In pages: all that is mapped is the first, data and stack the sixth. See proc(5).
        let sizes = pages.split(separator: " ").map { (Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) * Int(getpagesize()) }
        guard sizes.count > 5 else { return nil }
        let found = [("Max address space", Kind.addressSpace, sizes[0]), ("Max data size", .data, sizes[5])].compactMap { name, kind, used in
            limits.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: " ").first
                .flatMap { Int($0) }.map { ProcessLimit(kind, byteCount: $0, rest: max(0, $0 - used)) }
        }
        return found.min { $0.rest < $1.rest }
    }

    /// Refuses what needs more than is left.
    ///
    /// - Parameters:
    ///   - byteCount: what is needed at least.
    ///   - purpose: what for, in words that follow the amount.
    ///   - advice: what else a person can do, in words that follow "Raise that limit".
    /// - Throws: `Failure`: configuration.
    public func check(_ byteCount: Int, _ purpose: String, or advice: String = "") throws(Failure) {
        guard byteCount > rest else { return }
        throw .configuration(
            kind.rawValue, "leaves this process \(mebibytes(rest)) of \(mebibytes(self.byteCount)), and it needs \(mebibytes(byteCount)) \(purpose)",
            remedy: "Raise that limit (\(kind.rawValue) unlimited)\(advice).")
    }

    private func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 19)) >> 20) MiB" }
}
