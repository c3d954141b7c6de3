import Foundation
import HDF5
import Hashing
import Settings

/// The file of a checkpoint's tables: an HDF5 file with three datasets per table, in chunks with checksums.
enum RecordTableFile {
    private static let kind = "checkpoint-reference-values"
    /// Numbers in a chunk, and in a call of the library: half a MiB.
    private static let chunk = 1 << 16

    static let name = "reference-values.h5"

    /// An upper bound of the file's size, bytes.
    static func byteCount(of tables: [RecordTable]) -> Int {
        tables.reduce(1 << 16) { $0 + 16 * ($1.records.count + chunk) + 8 * ($1.values.count + chunk) }
    }

    /// Writes the file, reads it back, compares every bit, and brings it to disk.
    static func write(_ tables: [RecordTable], to path: String) throws(Failure) -> FileDigest {
        do {
            let file = try HDF5File(creating: path)
            for (index, table) in tables.enumerated() {
                try write(table.records, as: "\(index).records", in: file)
                try write(table.ends, as: "\(index).ends", in: file)
                try write(table.values, as: "\(index).values", in: file)
            }
            try file.write(Int64(CheckpointManifest.currentVersion), attribute: "format_version")
            try file.write(kind, attribute: "kind")
            try file.close()
            for (index, table) in tables.enumerated() {
                let stored = try readTable(index, from: path)
                guard stored.records == table.records, stored.ends == table.ends,
                    stored.values.elementsEqual(table.values, by: { $0.bitPattern == $1.bitPattern })
                else { throw HDF5Error("reading back", detail: "the file holds other values than were written") }
            }
            return try CheckpointFolder.digest(ofWritten: path)
        } catch {
            throw CheckpointFolder.unwritable(path, error)
        }
    }

    /// Reads the first `count` tables and checks the checksum of every chunk.
    static func read(count: Int, from path: String) throws(Failure) -> [RecordTable] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .missing(path, "does not exist", remedy: "Resume from another step with --resume=STEP.")
        }
        do throws(HDF5Error) {
            var tables: [RecordTable] = []
            for index in 0..<count { tables.append(try readTable(index, from: path)) }
            return tables
        } catch {
            throw .damaged(
                path, "can't be trusted (\(error))", remedy: "Resume from an earlier step with --resume=STEP.")
        }
    }

    private static func readTable(_ index: Int, from path: String) throws(HDF5Error) -> RecordTable {
        let byteCount = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
        let file = try HDF5File(opening: path)
        guard try file.string(attribute: "kind") == kind,
            try file.integer(attribute: "format_version") == Int64(CheckpointManifest.currentVersion)
        else { throw HDF5Error("opening the file", detail: "it holds no reference values of this version") }
        var table = RecordTable()
        table.records = try read("\(index).records", in: file, byteCount)
        table.ends = try read("\(index).ends", in: file, byteCount)
        table.values = try read("\(index).values", in: file, byteCount)
        guard table.records.count == table.ends.count, (table.ends.last ?? 0) == table.values.count,
            zip([0] + table.ends, table.ends).allSatisfy({ $0 <= $1 })
        else { throw HDF5Error("reading table \(index)", detail: "its records and values don't match") }
        return table
    }

    private static func write<Element: HDF5Scalar>(
        _ values: [Element], as name: String, in file: borrowing HDF5File
    ) throws(HDF5Error) {
        var dataset = try HDF5Dataset<Element>(creating: name, in: file, chunk: chunk)
        for start in stride(from: 0, to: values.count, by: chunk) {
            try dataset.append(values[start..<min(start + chunk, values.count)])
        }
        try dataset.close()
    }

    private static func read<Element: HDF5Scalar>(
        _ name: String, in file: borrowing HDF5File, _ byteCount: Int
    ) throws(HDF5Error) -> [Element] {
        let dataset = try HDF5Dataset<Element>(opening: name, in: file, fileByteCount: byteCount)
        return try dataset.read(0..<dataset.count)
    }
}
