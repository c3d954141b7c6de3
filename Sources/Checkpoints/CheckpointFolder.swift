import Collectives
import Files
import Foundation
import Hashing
import JSON
import Settings

/// One checkpoint on disk, `RUN/checkpoints/step-N`, with the checks for damage.
///
/// `manifest.sha256` lists the digests of `manifest.json` and of every file that the manifest names, in the format of
/// sha256sum. So every byte of the folder is covered.
public struct CheckpointFolder: Sendable {
    static let manifestName = "manifest.json"
    static let digestsName = "manifest.sha256"
    static let ownNames: Set = [manifestName, digestsName]
    /// The largest manifest that is read, bytes. A manifest of 100,000 ranks has about 100 MB.
    private static let largestManifest = 1 << 28

    public let path: String

    public init(path: String) { self.path = path }

    private static let remedy = "Go back to an earlier checkpoint with --resume=latest-valid, or --resume=STEP."

    /// Reads and checks the manifest, and compares it with `manifest.sha256`.
    ///
    /// - Throws: `Failure`: missing, damaged data, or configuration for another format version.
    public func manifest() throws(Failure) -> CheckpointManifest {
        let place = "\(path)/\(CheckpointFolder.manifestName)"
        let bytes = try content(of: CheckpointFolder.manifestName)
        let digests = try content(of: CheckpointFolder.digestsName)
        // The only field that is known of other format versions.
        guard let json = try? JSONValue(parsing: Array(bytes)), let version = json["format_version"]?.wholeNumber else {
            throw .damaged(place, "is not a checkpoint's manifest", remedy: CheckpointFolder.remedy)
        }
        guard version == CheckpointManifest.currentVersion else {
            throw .configuration(
                place, "has format version \(version), but this version of Tandem reads \(CheckpointManifest.currentVersion)",
                remedy: "Resume with the version of Tandem that wrote it.")
        }
        let manifest: CheckpointManifest
        do throws(JSONMismatch) { manifest = try json.decoded() } catch {
            throw .damaged(place, "is not a checkpoint's manifest (\(error))", remedy: CheckpointFolder.remedy)
        }
        if let fault = manifest.fault { throw .damaged(place, fault, remedy: CheckpointFolder.remedy) }
        guard digests == CheckpointFolder.digests(of: manifest, written: bytes) else {
            throw .damaged(
                place, "does not match \(CheckpointFolder.digestsName) beside it", remedy: CheckpointFolder.remedy)
        }
        return manifest
    }

    /// Reads a whole file of the manifest and compares its size and digest.
    ///
    /// - Throws: `Failure`: missing or damaged data.
    public func verify(_ file: CheckpointManifest.File) throws(Failure) {
        let place = "\(path)/\(file.name)"
        guard try byteCount(of: file.name) == file.bytes else {
            throw .damaged(place, "does not have the \(file.bytes) bytes that were saved", remedy: CheckpointFolder.remedy)
        }
        let digest: FileDigest
        do { digest = try FileDigest(of: place) } catch {
            guard error.exitCode == .inputOutput else { throw error }
            // A sector that can't be read counts as damage.
            throw .damaged(place, error.reason, remedy: CheckpointFolder.remedy)
        }
        guard digest.bytes == file.bytes, digest.sha256 == file.sha256 else {
            throw .damaged(place, "holds other bytes than the saved ones (its SHA-256 differs)", remedy: CheckpointFolder.remedy)
        }
    }

    /// Verifies all files with one process.
    public func verifyAll() throws(Failure) {
        for file in try manifest().files { try verify(file) }
    }

    /// Verifies all files, each with one rank. Collective over `mesh`. All ranks throw the same error.
    public func verified(_ mesh: Mesh) throws -> CheckpointManifest {
        let manifest = try mesh.agreed { try self.manifest() }
        let own = manifest.files.indices.filter { $0 % mesh.world.size == mesh.world.rank }
        try mesh.agreed { for index in own { try verify(manifest.files[index]) } }
        return manifest
    }

    /// Writes `manifest.json` and `manifest.sha256`, and brings both to disk.
    func write(_ manifest: CheckpointManifest) throws(Failure) {
        let bytes = Data((manifest.json.indented + "\n").utf8)
        // The manifest comes last: without it the folder is no checkpoint.
        let contents = [
            (CheckpointFolder.digestsName, CheckpointFolder.digests(of: manifest, written: bytes)),
            (CheckpointFolder.manifestName, bytes),
        ]
        for (name, content) in contents { try TemporaryFile.write(content, to: "\(path)/\(name)") }
    }

    /// Brings a file that was just written to disk.
    static func digest(ofWritten path: String) throws(Failure) -> FileDigest {
        try Disk.synchronize(path)
        return try FileDigest(of: path)
    }

    static func unwritable(_ path: String, _ error: any Error) -> Failure {
        .inputOutput(
            path, "can't be written (\(error))",
            remedy: "Check the disk's free space and health. Earlier checkpoints are untouched.")
    }

    /// The text of `manifest.sha256`.
    private static func digests(of manifest: CheckpointManifest, written bytes: Data) -> Data {
        let own = "\(SHA256.digits(of: Array(bytes)))  \(manifestName)\n"
        return Data((own + manifest.files.map { "\($0.sha256)  \($0.name)\n" }.joined()).utf8)
    }

    private func content(of name: String) throws(Failure) -> Data {
        let place = "\(path)/\(name)"
        let count = try byteCount(of: name)
        guard count <= CheckpointFolder.largestManifest else {
            throw .damaged(place, "is too large for a checkpoint's manifest", remedy: CheckpointFolder.remedy)
        }
        guard let content = FileManager.default.contents(atPath: place) else {
            throw .missing(place, "can't be read", remedy: "Check its permissions.")
        }
        return content
    }

    /// The size of a file in the folder. A link is refused, whatever its target is.
    private func byteCount(of name: String) throws(Failure) -> Int {
        let place = "\(path)/\(name)"
        var status = stat()
        guard lstat(place, &status) == 0 else {
            throw .missing(place, "does not exist", remedy: CheckpointFolder.remedy)
        }
        guard (status.st_mode & S_IFMT) == S_IFREG else {
            throw .damaged(place, "is not a regular file", remedy: CheckpointFolder.remedy)
        }
        return Int(status.st_size)
    }
}
