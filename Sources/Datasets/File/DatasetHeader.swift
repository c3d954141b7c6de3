import Files
import Foundation
import HDF5
import Hashing
import Settings
import Tensors
import Tokenization

/// The root attributes of a dataset, checked one by one.
struct DatasetHeader {
    let kind: DatasetKind
    let recordCount: Int
    let tokenRange: ClosedRange<Int32>
    let tokenizer: TokenizerIdentity?

    init(of file: borrowing HDF5File, path: String) throws(Failure) {
        typealias Attribute = DatasetFormat.Attribute
        let version = try DatasetHeader.integer(Attribute.formatVersion, of: file, path: path)
        guard version == DatasetFormat.version else {
            throw .damaged(
                path, "has format_version \(version), this version of Tandem reads \(DatasetFormat.version)",
                remedy: "Prepare the data with this version, or use the version of Tandem that wrote the file.")
        }
        let name = try DatasetFile.trusting(path) { () throws(HDF5Error) in
            try file.string(attribute: Attribute.kind)
        }
        guard let kind = DatasetKind(rawValue: name) else {
            let known = DatasetKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .damaged(path, "kind '\(name)' is none of: \(known)", remedy: DatasetFormat.remedy)
        }
        let count = try DatasetHeader.integer(Attribute.recordCount, of: file, path: path)
        let minimum = try DatasetHeader.integer(Attribute.minimumToken, of: file, path: path)
        let maximum = try DatasetHeader.integer(Attribute.maximumToken, of: file, path: path)
        guard count > 0 else { throw .damaged(path, "holds no records", remedy: DatasetFormat.remedy) }
        guard minimum >= 0, minimum <= maximum, maximum <= Int64(Int32.max) else {
            throw .damaged(path, "claims token ids from \(minimum) to \(maximum)", remedy: DatasetFormat.remedy)
        }
        self.kind = kind
        recordCount = Int(count)
        tokenRange = Int32(minimum)...Int32(maximum)
        tokenizer = try DatasetHeader.tokenizer(of: file, path: path)
    }

    private static func tokenizer(of file: borrowing HDF5File, path: String) throws(Failure) -> TokenizerIdentity? {
        let digits = try DatasetFile.trusting(path) { () throws(HDF5Error) in
            let name = DatasetFormat.Attribute.tokenizer
            return try file.contains(attribute: name) ? try file.string(attribute: name) : nil
        }
        guard let digits else { return nil }
        guard let identity = TokenizerIdentity(digits: digits) else {
            throw .damaged(path, "tokenizer '\(digits)' is not 64 hexadecimal digits", remedy: DatasetFormat.remedy)
        }
        return identity
    }

    private static func integer(
        _ name: String, of file: borrowing HDF5File, path: String
    ) throws(Failure) -> Int64 {
        try DatasetFile.trusting(path) { () throws(HDF5Error) in try file.integer(attribute: name) }
    }
}
