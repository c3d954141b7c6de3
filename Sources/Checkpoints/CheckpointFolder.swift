import Collectives
import Files
import Foundation
import Hashing
import JSON
import Settings

/// One checkpoint on disk, `RUN/checkpoints/step-N`, and how far it can be trusted.
///
/// `manifest.sha256` lists the digests of `manifest.json` and of every file that it names, as sha256sum writes them, so every
/// byte of the folder is covered.
public struct CheckpointFolder: Sendable {
    static let manifestName = "manifest.json"
    static let digestsName = "manifest.sha256"
    static let ownNames: Set = [manifestName, digestsName]
    /// No manifest of Tandem's is nearly as large: of 100,000 ranks it would have about 100 MB.
    private static let largestManifest = 1 << 28

    public let path: String

    public init(path: String) { self.path = path }

    private static let remedy = "Go back to an earlier checkpoint with --resume=latest-valid, or --resume=STEP."

    /// Reads and checks the manifest, and that `manifest.sha256` goes with it.
    ///
    /// - Throws: `Failure`: missing, damaged data, or configuration for another format.
    public func manifest() throws(Failure) -> CheckpointManifest {
        let place = "\(path)/\(CheckpointFolder.manifestName)"
        let bytes = try content(of: CheckpointFolder.manifestName)
        let digests = try content(of: CheckpointFolder.digestsName)
        // The version comes first: nothing else is known of another one.
        guard let json = try? JSONValue(parsing: Array(bytes)), let version = json["format_version"]?.wholeNumber else {
            throw .damaged(place, "is not a checkpoint's manifest", remedy: CheckpointFolder.remedy)
        }
        guard version == CheckpointManifest.currentVersion else {
            throw .configuration(
                place, "has format version \(version), this version of Tandem reads \(CheckpointManifest.currentVersion)",
                remedy: "Resume with the version of Tandem that wrote it.")
        }
        let manifest: CheckpointManifest
        do throws(JSONMismatch) { manifest = try json.decoded() } catch {
            throw .damaged(place, "is not a checkpoint's manifest (\(error))", remedy: CheckpointFolder.remedy)
        }
        if let fault = manifest.fault { throw .damaged(place, fault, remedy: CheckpointFolder.remedy) }
        guard digests == CheckpointFolder.digests(of: manifest, written: bytes) else {
            throw .damaged(
                place, "and \(CheckpointFolder.digestsName) beside it don't go together", remedy: CheckpointFolder.remedy)
        }
        return manifest
    }

    /// Reads the whole of a file that `manifest` names and compares it.
    ///
    /// - Throws: `Failure`: missing, or damaged data.
    public func verify(_ file: CheckpointManifest.File) throws(Failure) {
        let place = "\(path)/\(file.name)"
        guard try byteCount(of: file.name) == file.bytes else {
            throw .damaged(place, "has another size than the \(file.bytes) bytes that were saved", remedy: CheckpointFolder.remedy)
        }
        let digest: FileDigest
        do { digest = try FileDigest(of: place) } catch {
            guard error.exitCode == .inputOutput else { throw error }
            // A sector that can't be read is damage like any other.
            throw .damaged(place, error.reason, remedy: CheckpointFolder.remedy)
        }
        guard digest.bytes == file.bytes, digest.sha256 == file.sha256 else {
            throw .damaged(place, "holds other bytes than were saved (its SHA-256 differs)", remedy: CheckpointFolder.remedy)
        }
    }

    /// The same of all files, by one process.
    public func verifyAll() throws(Failure) {
        for file in try manifest().files { try verify(file) }
    }

    /// Checks everything, each file by one rank. Collective over `mesh`; all ranks throw the same.
    public func verified(_ mesh: Mesh) throws -> CheckpointManifest {
        let manifest = try mesh.agreed { try self.manifest() }
        let own = manifest.files.indices.filter { $0 % mesh.world.size == mesh.world.rank }
        try mesh.agreed { for index in own { try verify(manifest.files[index]) } }
        return manifest
    }

    /// Writes `manifest.json` and `manifest.sha256`, and brings both to the disk.
    func write(_ manifest: CheckpointManifest) throws(Failure) {
        let bytes = Data((manifest.json.indented + "\n").utf8)
        // The manifest last: without it the folder is no checkpoint.
        let contents = [
            (CheckpointFolder.digestsName, CheckpointFolder.digests(of: manifest, written: bytes)),
            (CheckpointFolder.manifestName, bytes),
        ]
        for (name, content) in contents { try TemporaryFile.write(content, to: "\(path)/\(name)") }
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

    /// Of a file that lies in the folder itself: a link is refused, wherever it leads.
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
