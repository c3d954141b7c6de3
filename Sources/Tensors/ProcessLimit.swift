import Foundation
import Settings

/// The memory that this process may still take under a limit of its own (`ulimit -v`, `ulimit -d`). If the system refuses
/// memory to a library, the library ends the process without a message, or retries forever.
public struct ProcessLimit: Equatable, Sendable {
    public enum Kind: String, Sendable {
        /// All mapped memory, including files, libraries and stacks.
        case addressSpace = "ulimit -v"
        /// Memory that the process can write to and does not share.
        case data = "ulimit -d"
    }

    public let kind: Kind
    public let byteCount: Int
    /// Bytes that the process may still take.
    public let rest: Int

    public init(_ kind: Kind, byteCount: Int, rest: Int) {
        self.kind = kind
        self.byteCount = byteCount
        self.rest = rest
    }

    /// The limit that leaves the least memory; nil if there is no limit.
    ///
    /// - Parameter root: the folder that contains `/proc`. Tests use another folder.
    public static func tightest(root: String = "") -> ProcessLimit? {
        guard let limits = SystemFile.text("\(root)/proc/self/limits"), let pages = SystemFile.text("\(root)/proc/self/statm") else { return nil }
        // Sizes are in pages. The first is all mapped memory, the sixth is data and stack. See proc(5).
        let sizes = pages.split(separator: " ").map { (Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) * Int(getpagesize()) }
        guard sizes.count > 5 else { return nil }
        let found = [("Max address space", Kind.addressSpace, sizes[0]), ("Max data size", .data, sizes[5])].compactMap { name, kind, used in
            limits.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count).split(separator: " ").first
                .flatMap { Int($0) }.map { ProcessLimit(kind, byteCount: $0, rest: max(0, $0 - used)) }
        }
        return found.min { $0.rest < $1.rest }
    }

    /// Throws if more memory is needed than is left.
    ///
    /// - Parameters:
    ///   - byteCount: the least memory needed, in bytes.
    ///   - purpose: the purpose of the memory, in words that follow the amount.
    ///   - advice: other remedies, in words that follow "Raise that limit".
    /// - Throws: `Failure`: configuration.
    public func check(_ byteCount: Int, _ purpose: String, or advice: String = "") throws(Failure) {
        guard byteCount > rest else { return }
        throw .configuration(
            kind.rawValue, "leaves \(mebibytes(rest)) of \(mebibytes(self.byteCount)) to a process that needs \(mebibytes(byteCount)) \(purpose)",
            remedy: "Raise that limit (\(kind.rawValue) unlimited)\(advice).")
    }

    private func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 19)) >> 20) MiB" }
}
