import Foundation
import Hashing
import Settings

/// `SHA256SUMS` of a folder, in the format of `sha256sum`: the digest of every other file of an export when it was written.
///
/// Weights and configurations have no checksums of their own, so only this list detects a flipped bit.
public struct FolderDigests: Sendable {
    public static let fileName = "SHA256SUMS"
    /// The largest list that is read, bytes: enough for 100,000 files.
    private static let byteLimit = 32 << 20

    /// File names with 64 lower-case hexadecimal digits, in the order of the list.
    let entries: [(name: String, sha256: String)]
    private let path: String

    /// Nil if the folder has no such list.
    ///
    /// - Throws: `Failure` (damaged data) if the file is no such list or names a file outside of its folder.
    public init?(folder: String) throws(Failure) {
        let path = folder + "/" + FolderDigests.fileName
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes = try InputFile.bytes(path: path, byteLimit: FolderDigests.byteLimit, remedy: "Check the path.")
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FolderDigests.damaged(path, "is not UTF-8 text")
        }
        var entries: [(name: String, sha256: String)] = []
        for (index, line) in text.split(separator: "\n").enumerated() {
            guard let match = line.wholeMatch(of: /([0-9a-f]{64}) [ *](.+)/), FolderDigests.isPlain(String(match.2)) else {
                throw FolderDigests.damaged(path, "line \(index + 1) is not a digest and a plain file name")
            }
            entries.append((String(match.2), String(match.1)))
        }
        guard !entries.isEmpty, Set(entries.map(\.name)).count == entries.count else {
            throw FolderDigests.damaged(path, entries.isEmpty ? "lists no file" : "lists a file twice")
        }
        self.entries = entries
        self.path = path
    }

    /// Refuses a file of the folder whose digest differs from the list. A file that is not in the list is not compared.
    ///
    /// - Throws: `Failure` (damaged data).
    public func check(_ digest: FileDigest, of name: String) throws(Failure) {
        guard let entry = entries.first(where: { $0.name == name }), entry.sha256 != digest.sha256 else { return }
        throw .damaged(
            (path as NSString).deletingLastPathComponent + "/" + name,
            "holds other bytes than \(FolderDigests.fileName) beside it says",
            remedy: "Copy or export it again. If you changed it yourself, remove its line from \(FolderDigests.fileName).")
    }

    /// Reads every listed file and compares its digest.
    ///
    /// - Throws: `Failure`: missing or damaged data.
    public func verify() throws(Failure) {
        let folder = (path as NSString).deletingLastPathComponent
        for entry in entries { try check(FileDigest(of: "\(folder)/\(entry.name)"), of: entry.name) }
    }

    /// The text of a list.
    static func text(of digests: [(name: String, digest: FileDigest)]) -> String {
        digests.sorted { $0.name < $1.name }.map { "\($0.digest.sha256)  \($0.name)\n" }.joined()
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.hasPrefix(".") && !name.unicodeScalars.contains { $0 == "/" || $0.properties.generalCategory == .control }
    }

    private static func damaged(_ path: String, _ reason: String) -> Failure {
        .damaged(path, reason, remedy: "Copy or export the folder again, or remove this file to read the folder without it.")
    }
}
