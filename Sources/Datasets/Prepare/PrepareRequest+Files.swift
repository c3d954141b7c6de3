import Files
import HDF5
import Settings

extension PrepareRequest {
    /// The inputs: files of records, and the tokenizer's folder.
    public var inputFiles: [String] { inputs + (tokenizer.map { [$0] } ?? []) }

    /// The datasets to write. They are checked before work starts.
    public var outputFiles: [OutputPath] {
        let outputs = validationFraction == nil ? [output] : [output, validationOutput]
        return outputs.map { OutputPath($0, option: "--output", holding: "dataset", isOwn: DatasetFile.wasPrepared) }
    }
}

extension DatasetFile {
    /// Whether a file is a dataset of `tandem prepare`, of any version. Its records may be damaged.
    static func wasPrepared(_ path: String) -> Bool {
        let header = try? kindAndVersion(of: path)
        return header.map { DatasetKind(rawValue: $0.kind) != nil && $0.version > 0 } ?? false
    }

    private static func kindAndVersion(of path: String) throws(HDF5Error) -> (kind: String, version: Int64) {
        let file = try HDF5File(opening: path)
        return (
            try file.string(attribute: DatasetFormat.Attribute.kind),
            try file.integer(attribute: DatasetFormat.Attribute.formatVersion)
        )
    }
}
