import Files
import Foundation
import Hashing
import Settings
import Tensors

/// Writes a Hugging Face folder: `config.json`, `model.safetensors`, copied or given tokenizer files, and `SHA256SUMS`.
///
/// `commit()` puts the complete folder in place of an earlier folder with the same name. An export that fails or is dropped
/// before leaves nothing behind and does not touch the earlier folder. One process writes. It may map checkpoints meanwhile.
public struct HuggingFaceExport: ~Copyable {
    /// Files that an export copies from its source, if they exist.
    public static let copiedFiles = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model",
        "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json",
    ]

    /// The largest file that is copied, bytes.
    private static let copiedByteLimit = 256 << 20

    private let folder: FolderReplacement
    private var writer: SafetensorsWriter
    private var assembly: TensorAssembly
    /// The digests of the written files.
    private var digests: [(name: String, digest: FileDigest)]

    /// - Parameters:
    ///   - destination: the folder's final path. In an existing folder only a model's files are replaced (`ModelFolderFile`).
    ///   - others: how to treat other files in an existing folder.
    ///   - configurationJSON: the content of `config.json`, byte for byte.
    ///   - tensors: all parameters of the model, in the order in which their rows will be appended.
    ///   - naming: whether `tensors` are parameters, written as the family's files hold them, or tensors of such a file already.
    ///   - source: the checkpoint from which tokenizer files are copied.
    ///   - files: further files by name: tokenizer files that are in no folder yet.
    ///   - protected: further folders that must not be replaced: every mapped checkpoint. The source is always protected.
    /// - Throws: `Failure`: configuration if the destination must not be replaced, otherwise input/output.
    public init(
        to destination: String, others: OtherFiles = .refused, configurationJSON: Data, tensors: [SafetensorsWriter.Tensor],
        naming: TensorNaming = .parameters, copyingFrom source: String? = nil, adding files: [String: Data] = [:], protecting protected: [String] = []
    ) throws(Failure) {
        invariant(
            !files.keys.contains { ["config.json", "model.safetensors"].contains($0) || $0.contains("/") },
            "further files of an export have names of their own")
        let configuration = try HuggingFaceConfiguration.parse(configurationJSON, origin: destination + "/config.json")
        let assembly = TensorAssembly(tensors, layout: naming == .parameters ? ModelLayout(configuration) : nil)
        let folder = try ModelFolder.replacement(
            of: destination, others: others, protecting: protected + (source.map { [$0] } ?? []))
        var contents = files
        contents["config.json"] = configurationJSON
        if let source {
            for name in HuggingFaceExport.copiedFiles where contents[name] == nil {
                guard FileManager.default.fileExists(atPath: "\(source)/\(name)") else { continue }
                contents[name] = try HuggingFaceExport.content(of: "\(source)/\(name)")
            }
        }
        var digests: [(name: String, digest: FileDigest)] = []
        for (name, data) in contents {
            digests.append((name, try HuggingFaceExport.write(data, to: "\(folder.path)/\(name)")))
        }
        writer = try SafetensorsWriter(
            path: folder.path + "/model.safetensors", tensors: assembly.tensors, metadata: ["format": "pt"])
        self.assembly = assembly
        self.folder = folder
        self.digests = digests
    }

    // Closes the file: network file systems keep the name of a removed open file, so its folder could not be removed.
    deinit { writer.abandon() }

    /// Writes the next rows of parameter `name`, which must be the next unfinished one. A vector is one row. Rows of a tensor that
    /// is fused or transposed in the family's files are kept in memory until the tensor is complete.
    ///
    /// - Throws: `Failure` (input/output), for instance on a full disk.
    public mutating func append(_ rows: Matrix, to name: String) throws(Failure) {
        try assembly.append(rows, to: name) { (rows, tensor) throws(Failure) in try writer.append(rows, to: tensor) }
    }

    /// Brings everything to disk and puts the folder in its place. Every declared row must have been appended.
    ///
    /// - Throws: `Failure` (input/output). The destination is then unchanged.
    public consuming func commit() throws(Failure) {
        digests.append(("model.safetensors", try writer.finish()))
        let list = Data(FolderDigests.text(of: digests).utf8)
        _ = try HuggingFaceExport.write(list, to: "\(folder.path)/\(FolderDigests.fileName)")
        try folder.commit()
    }

    /// Refuses a destination that `init` would refuse. Changes nothing on disk, so call it before a model is read.
    ///
    /// - Throws: `Failure` (configuration).
    public static func check(
        destination: String, others: OtherFiles = .refused, protecting protected: [String] = []
    ) throws(Failure) {
        let place = try FolderReplacement.resolve(destination, making: false)
        try ModelFolder.check(place, shownAs: destination, others: others, protected: protected)
    }

    private static func write(_ data: Data, to path: String) throws(Failure) -> FileDigest {
        let file = try FileWriter(path: path)
        try file.write(data)
        return try file.finish()
    }

    private static func content(of path: String) throws(Failure) -> Data {
        Data(try InputFile.bytes(path: path, byteLimit: copiedByteLimit, remedy: "Check the path."))
    }
}
