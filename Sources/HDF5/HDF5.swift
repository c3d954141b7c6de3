import CHDF5

// The overlay of the HDF5 library: every raw pointer and C call of this room is in this file. Every status is checked.
// Handles are used from one thread at a time; nothing here locks: `hdf5IsThreadSafe` says whether the library does.

/// The version of the library that is loaded.
public var hdf5Version: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    guard H5get_libversion(&major, &minor, &release) >= 0 else { return "of an unknown version" }
    return "\(major).\(minor).\(release)"
}

/// Whether several threads may call the library, each with handles of its own. A build of it that was not made so must be
/// left to one thread at a time.
public let hdf5IsThreadSafe: Bool = {
    var isThreadSafe: hbool_t = false
    return H5is_library_threadsafe(&isThreadSafe) >= 0 && isThreadSafe
}()

/// A call of the HDF5 library that failed: what was asked of it, and its own innermost reason.
public struct HDF5Error: Error, CustomStringConvertible {
    public let operation: String
    public let detail: String

    /// Takes the reason from the library's error stack, which the next call overwrites.
    init(_ operation: String) {
        self.operation = operation
        var innermost = ""
        withUnsafeMutablePointer(to: &innermost) { text in
            let status = H5Ewalk2(
                chdf5_error_default(), H5E_WALK_UPWARD,
                { depth, entry, context in
                    if depth == 0, let entry, let context, let description = entry.pointee.desc {
                        context.assumingMemoryBound(to: String.self).pointee = String(cString: description)
                    }
                    return 0
                }, text)
            if status < 0 { text.pointee = "no reason given" }
        }
        detail = HDF5Error.systemReason(in: innermost) ?? innermost
    }

    /// The operating system's own words, where the library quotes them among addresses and sizes.
    private static func systemReason(in text: String) -> String? {
        let quoted = text.split(separator: "error message = '", maxSplits: 1).dropFirst().first
        return quoted?.split(separator: "'").first.map(String.init)
    }

    public init(_ operation: String, detail: String) {
        self.operation = operation
        self.detail = detail
    }

    public var description: String { detail.isEmpty ? operation : "\(operation): \(detail)" }
}

/// An HDF5 identifier with one owner. `close` reports a failure; one that is merely dropped is closed silently.
struct HDF5Identifier: ~Copyable {
    enum Kind { case file, dataset, space, type, attribute, properties }

    let raw: hid_t
    private let kind: Kind

    /// Takes over what a library call returned; negative is its failure.
    init(_ raw: hid_t, _ kind: Kind, _ operation: @autoclosure () -> String) throws(HDF5Error) {
        guard raw >= 0 else { throw HDF5Error(operation()) }
        self.raw = raw
        self.kind = kind
    }

    deinit { _ = HDF5Identifier.release(raw, kind) }

    consuming func close(_ operation: String) throws(HDF5Error) {
        let status = HDF5Identifier.release(raw, kind)
        discard self
        guard status >= 0 else { throw HDF5Error(operation) }
    }

    private static func release(_ raw: hid_t, _ kind: Kind) -> herr_t {
        // The owner may have moved to another thread, and the error stack belongs to the thread.
        _ = chdf5_silence_errors()
        return switch kind {
        case .file: H5Fclose(raw)
        case .dataset: H5Dclose(raw)
        case .space: H5Sclose(raw)
        case .type: H5Tclose(raw)
        case .attribute: H5Aclose(raw)
        case .properties: H5Pclose(raw)
        }
    }
}

private func check(_ status: herr_t, _ operation: @autoclosure () -> String) throws(HDF5Error) {
    guard status >= 0 else { throw HDF5Error(operation()) }
}

/// Element types of datasets. Stored little-endian as the machine has them.
public protocol HDF5Scalar: BitwiseCopyable, ExpressibleByIntegerLiteral {
    static var hdf5Type: Int64 { get }
}
extension Int32: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_int32() } }
extension Int64: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_int64() } }
extension UInt8: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_uint8() } }
extension Float: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_float() } }
extension Double: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_double() } }

/// An open HDF5 file and the attributes of its root group.
public struct HDF5File: ~Copyable {
    fileprivate let identifier: HDF5Identifier

    /// A new file in the format of HDF5 1.10: all of its metadata carries checksums, unlike the older format's.
    /// Fails where `path` exists.
    public init(creating path: String) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        let access = try HDF5File.accessProperties()
        try check(H5Pset_libver_bounds(access.raw, H5F_LIBVER_V110, H5F_LIBVER_V110), "choosing the file format")
        let creation = try HDF5Identifier(H5Pcreate(chdf5_file_create()), .properties, "making file properties")
        // Without times the same records give the same bytes.
        try check(H5Pset_obj_track_times(creation.raw, false), "switching off time stamps")
        identifier = try HDF5Identifier(
            H5Fcreate(path, chdf5_exclusive(), creation.raw, access.raw), .file, "creating the file")
    }

    public init(opening path: String) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        let access = try HDF5File.accessProperties()
        identifier = try HDF5Identifier(H5Fopen(path, chdf5_read_only(), access.raw), .file, "opening the file")
    }

    /// No locking: readers see finished files only, and some cluster file systems have no locks.
    private static func accessProperties() throws(HDF5Error) -> HDF5Identifier {
        let access = try HDF5Identifier(H5Pcreate(chdf5_file_access()), .properties, "making access properties")
        try check(H5Pset_file_locking(access.raw, false, true), "switching off file locks")
        return access
    }

    /// Writes everything out. The library may report success on a full disk: read the file again before trusting it.
    public consuming func close() throws(HDF5Error) {
        try check(H5Fflush(identifier.raw, H5F_SCOPE_GLOBAL), "flushing the file")
        try identifier.close("closing the file")
    }

    public func contains(_ name: String) throws(HDF5Error) -> Bool {
        let found = H5Lexists(identifier.raw, name, chdf5_default())
        try check(found, "looking for '\(name)'")
        return found > 0
    }
}

// MARK: Attributes of the root group

extension HDF5File {
    public func write(_ value: Int64, attribute name: String) throws(HDF5Error) {
        let space = try HDF5Identifier(H5Screate(H5S_SCALAR), .space, "making a scalar")
        let attribute = try HDF5Identifier(
            H5Acreate2(identifier.raw, name, Int64.hdf5Type, space.raw, chdf5_default(), chdf5_default()), .attribute,
            "creating attribute '\(name)'")
        var value = value
        try check(H5Awrite(attribute.raw, Int64.hdf5Type, &value), "writing attribute '\(name)'")
    }

    public func write(_ text: String, attribute name: String) throws(HDF5Error) {
        let bytes = Array(text.utf8) + [0]
        let type = try HDF5File.stringType(byteCount: bytes.count)
        let space = try HDF5Identifier(H5Screate(H5S_SCALAR), .space, "making a scalar")
        let attribute = try HDF5Identifier(
            H5Acreate2(identifier.raw, name, type.raw, space.raw, chdf5_default(), chdf5_default()), .attribute,
            "creating attribute '\(name)'")
        try check(H5Awrite(attribute.raw, type.raw, bytes), "writing attribute '\(name)'")
    }

    public func contains(attribute name: String) throws(HDF5Error) -> Bool {
        let found = H5Aexists(identifier.raw, name)
        try check(found, "looking for attribute '\(name)'")
        return found > 0
    }

    public func integer(attribute name: String) throws(HDF5Error) -> Int64 {
        let attribute = try open(attribute: name)
        let type = try HDF5Identifier(H5Aget_type(attribute.raw), .type, "reading attribute '\(name)'")
        guard H5Tget_class(type.raw) == H5T_INTEGER else {
            throw HDF5Error("reading attribute '\(name)'", detail: "it is not a whole number")
        }
        var value: Int64 = 0
        try check(H5Aread(attribute.raw, Int64.hdf5Type, &value), "reading attribute '\(name)'")
        return value
    }

    public func string(attribute name: String) throws(HDF5Error) -> String {
        let attribute = try open(attribute: name)
        let type = try HDF5Identifier(H5Aget_type(attribute.raw), .type, "reading attribute '\(name)'")
        let byteCount = H5Tget_size(type.raw)
        let longest = 4096
        guard H5Tget_class(type.raw) == H5T_STRING, H5Tis_variable_str(type.raw) == 0, (1...longest).contains(byteCount)
        else {
            throw HDF5Error("reading attribute '\(name)'", detail: "it is not a short text of fixed length")
        }
        let memoryType = try HDF5File.stringType(byteCount: byteCount + 1)
        var bytes = [UInt8](repeating: 0, count: byteCount + 1)
        try check(H5Aread(attribute.raw, memoryType.raw, &bytes), "reading attribute '\(name)'")
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private func open(attribute name: String) throws(HDF5Error) -> HDF5Identifier {
        let attribute = try HDF5Identifier(
            H5Aopen(identifier.raw, name, chdf5_default()), .attribute, "reading attribute '\(name)'")
        let space = try HDF5Identifier(H5Aget_space(attribute.raw), .space, "reading attribute '\(name)'")
        guard H5Sget_simple_extent_npoints(space.raw) == 1 else {
            throw HDF5Error("reading attribute '\(name)'", detail: "it is not one value")
        }
        return attribute
    }

    private static func stringType(byteCount: Int) throws(HDF5Error) -> HDF5Identifier {
        let type = try HDF5Identifier(H5Tcopy(chdf5_c_string()), .type, "making a text type")
        try check(H5Tset_size(type.raw, byteCount), "making a text type")
        return type
    }
}

// MARK: Datasets

/// A dataset of one dimension that grows, in chunks that each carry a Fletcher32 checksum: a flipped bit is an error
/// when it is read, not a wrong value. Not compressed.
public struct HDF5Dataset<Element: HDF5Scalar>: ~Copyable {
    public let name: String
    private let identifier: HDF5Identifier
    /// Elements.
    public private(set) var count: Int

    /// A new dataset, empty; what is never written reads as `fill`.
    ///
    /// - Parameter chunk: elements of a chunk. Append whole chunks where possible: each is then written once.
    public init(creating name: String, in file: borrowing HDF5File, chunk: Int, fill: Element = 0) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        let properties = try HDF5Identifier(
            H5Pcreate(chdf5_dataset_create()), .properties, "making dataset properties")
        var chunk = hsize_t(chunk)
        var fill = fill
        try check(H5Pset_chunk(properties.raw, 1, &chunk), "choosing the chunks of '\(name)'")
        try check(H5Pset_fletcher32(properties.raw), "choosing the checksum of '\(name)'")
        try check(H5Pset_fill_value(properties.raw, Element.hdf5Type, &fill), "choosing the fill of '\(name)'")
        try check(H5Pset_obj_track_times(properties.raw, false), "switching off time stamps")
        var extent: hsize_t = 0
        var limit = chdf5_unlimited()
        let space = try HDF5Identifier(H5Screate_simple(1, &extent, &limit), .space, "making an extent")
        identifier = try HDF5Identifier(
            H5Dcreate2(
                file.identifier.raw, name, Element.hdf5Type, space.raw, chdf5_default(), properties.raw,
                chdf5_default()),
            .dataset, "creating '\(name)'")
        self.name = name
        count = 0
    }

    /// Opens a dataset that must have one dimension, this very element type, and be stored as this type stores them: the
    /// library would also follow links into other files, read data from them, and unpack what was packed to fill a memory.
    ///
    /// - Parameters:
    ///   - fileByteCount: a dataset that claims more than the file can hold is refused.
    ///   - cacheByteCount: room for chunks. One that is read in parts is then fetched and checked once.
    public init(
        opening name: String, in file: borrowing HDF5File, fileByteCount: Int, cacheByteCount: Int = 12 << 20
    ) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        try HDF5Dataset.checkLink(name, in: file)
        let access = try HDF5Identifier(H5Pcreate(chdf5_dataset_access()), .properties, "making access properties")
        try check(H5Pset_chunk_cache(access.raw, 521, cacheByteCount, 1), "choosing the cache of '\(name)'")
        let dataset = try HDF5Identifier(
            H5Dopen2(file.identifier.raw, name, access.raw), .dataset, "opening '\(name)'")
        try HDF5Dataset.checkStorage(of: dataset, name: name, fileByteCount: fileByteCount)
        let type = try HDF5Identifier(H5Dget_type(dataset.raw), .type, "reading the type of '\(name)'")
        guard H5Tequal(type.raw, Element.hdf5Type) > 0 else {
            throw HDF5Error("opening '\(name)'", detail: "its elements are not \(Element.self)")
        }
        let space = try HDF5Identifier(H5Dget_space(dataset.raw), .space, "reading the extent of '\(name)'")
        guard H5Sget_simple_extent_ndims(space.raw) == 1 else {
            throw HDF5Error("opening '\(name)'", detail: "it has not one dimension")
        }
        var extent: hsize_t = 0
        try check(H5Sget_simple_extent_dims(space.raw, &extent, nil), "reading the extent of '\(name)'")
        guard extent <= hsize_t(fileByteCount / MemoryLayout<Element>.stride) else {
            throw HDF5Error("opening '\(name)'", detail: "it claims \(extent) elements, more than the file can hold")
        }
        self.name = name
        identifier = dataset
        count = Int(extent)
    }

    /// Refuses a link that leads to another name or into another file.
    private static func checkLink(_ name: String, in file: borrowing HDF5File) throws(HDF5Error) {
        var information = H5L_info_t()
        try check(H5Lget_info(file.identifier.raw, name, &information, chdf5_default()), "looking for '\(name)'")
        guard information.type == H5L_TYPE_HARD else {
            throw HDF5Error("opening '\(name)'", detail: "it is a link to another place")
        }
    }

    /// Refuses all but chunks in the file itself, each no larger than the file, with a checksum and no other filter.
    private static func checkStorage(
        of dataset: borrowing HDF5Identifier, name: String, fileByteCount: Int
    ) throws(HDF5Error) {
        let properties = try HDF5Identifier(
            H5Dget_create_plist(dataset.raw), .properties, "reading the properties of '\(name)'")
        guard H5Pget_layout(properties.raw) == H5D_CHUNKED else {
            throw HDF5Error("opening '\(name)'", detail: "it is not stored in chunks")
        }
        guard H5Pget_external_count(properties.raw) == 0 else {
            throw HDF5Error("opening '\(name)'", detail: "its data are in other files")
        }
        var chunk: hsize_t = 0
        guard H5Pget_chunk(properties.raw, 1, &chunk) == 1 else {
            throw HDF5Error("opening '\(name)'", detail: "it has not one dimension")
        }
        var flags: UInt32 = 0
        guard H5Pget_nfilters(properties.raw) == 1,
            H5Pget_filter2(properties.raw, 0, &flags, nil, nil, 0, nil, nil) == chdf5_fletcher32()
        else { throw HDF5Error("opening '\(name)'", detail: "its chunks have not a checksum alone") }
        guard chunk <= hsize_t(fileByteCount / MemoryLayout<Element>.stride) || chunk <= HDF5Dataset.smallChunk else {
            throw HDF5Error("opening '\(name)'", detail: "it claims chunks of \(chunk) elements, more than the file can hold")
        }
    }

    /// Elements of a chunk that a file may claim and have none of: one that was never written takes no room.
    private static var smallChunk: hsize_t { 1 << 20 }

    /// Writes `values` after the last element.
    public mutating func append(_ values: some RandomAccessCollection<Element>) throws(HDF5Error) {
        guard !values.isEmpty else { return }
        _ = chdf5_silence_errors()
        var extent = hsize_t(count + values.count)
        try check(H5Dset_extent(identifier.raw, &extent), "growing '\(name)'")
        let memory = try memorySpace(values.count)
        let stored = try selection(count..<(count + values.count))
        func write(_ buffer: UnsafeRawPointer?) -> herr_t {
            H5Dwrite(identifier.raw, Element.hdf5Type, memory.raw, stored.raw, chdf5_default(), buffer)
        }
        let status = values.withContiguousStorageIfAvailable { write($0.baseAddress) } ?? write(Array(values))
        try check(status, "writing '\(name)'")
        count += values.count
    }

    /// The elements of `range`, which must lie in `0..<count`.
    ///
    /// - Throws: `HDF5Error` for a chunk whose checksum does not match, too.
    public func read(_ range: Range<Int>) throws(HDF5Error) -> [Element] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        var failure: HDF5Error?
        let values = [Element](unsafeUninitializedCapacity: range.count) { buffer, initializedCount in
            do throws(HDF5Error) {
                try read(range, into: buffer)
                initializedCount = range.count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }

    /// The same into memory that is there: the first `range.count` elements of `buffer`.
    public func read(_ range: Range<Int>, into buffer: UnsafeMutableBufferPointer<Element>) throws(HDF5Error) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count && buffer.count >= range.count)
        guard !range.isEmpty else { return }
        _ = chdf5_silence_errors()
        let memory = try memorySpace(range.count)
        let stored = try selection(range)
        try check(
            H5Dread(identifier.raw, Element.hdf5Type, memory.raw, stored.raw, chdf5_default(), buffer.baseAddress),
            "reading '\(name)' at \(range.lowerBound)")
    }

    public consuming func close() throws(HDF5Error) { try identifier.close("closing '\(name)'") }

    /// The dataspace of the file, with `range` chosen.
    private func selection(_ range: Range<Int>) throws(HDF5Error) -> HDF5Identifier {
        var start = hsize_t(range.lowerBound)
        var length = hsize_t(range.count)
        let stored = try HDF5Identifier(H5Dget_space(identifier.raw), .space, "reading the extent of '\(name)'")
        try check(
            H5Sselect_hyperslab(stored.raw, H5S_SELECT_SET, &start, nil, &length, nil), "choosing a part of '\(name)'")
        return stored
    }

    /// A dataspace in memory of `count` elements in a row.
    private func memorySpace(_ count: Int) throws(HDF5Error) -> HDF5Identifier {
        var length = hsize_t(count)
        return try HDF5Identifier(H5Screate_simple(1, &length, nil), .space, "making an extent")
    }
}
