import CHDF5
import Settings

/// A growing dataset of one dimension, stored in chunks. Each chunk has a Fletcher32 checksum, so reading a flipped bit gives
/// an error, not a wrong value. Not compressed.
public struct HDF5Dataset<Element: HDF5Scalar>: ~Copyable {
    public let name: String
    private let identifier: HDF5Identifier
    /// The number of elements.
    public private(set) var count: Int

    /// Creates an empty dataset.
    ///
    /// - Parameters:
    ///   - chunk: elements of a chunk. Append whole chunks if possible: each chunk is then written once.
    ///   - fill: the value of elements that were never written.
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

    /// Opens a dataset. It must have one dimension, exactly this element type, and the storage that `init(creating:)` makes.
    /// Otherwise a hostile file could make the library follow links into other files, read data from them, or unpack data that
    /// fills the memory.
    ///
    /// - Parameters:
    ///   - fileByteCount: the size of the file. A dataset that claims more elements than the file can hold is refused.
    ///   - cacheByteCount: the size of the cache for chunks. A chunk that is read in parts is then fetched and checked once.
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
            throw HDF5Error("opening '\(name)'", detail: "it does not have one dimension")
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

    /// Refuses a link to another name or into another file.
    private static func checkLink(_ name: String, in file: borrowing HDF5File) throws(HDF5Error) {
        var information = H5L_info_t()
        try check(H5Lget_info(file.identifier.raw, name, &information, chdf5_default()), "looking for '\(name)'")
        guard information.type == H5L_TYPE_HARD else {
            throw HDF5Error("opening '\(name)'", detail: "it is a link to another place")
        }
    }

    /// Refuses any storage except chunks in the file itself, each no larger than the file, with a checksum as the only filter.
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
            throw HDF5Error("opening '\(name)'", detail: "it does not have one dimension")
        }
        var flags: UInt32 = 0
        guard H5Pget_nfilters(properties.raw) == 1,
            H5Pget_filter2(properties.raw, 0, &flags, nil, nil, 0, nil, nil) == chdf5_fletcher32()
        else { throw HDF5Error("opening '\(name)'", detail: "its chunks need a checksum and no other filter") }
        guard chunk <= hsize_t(fileByteCount / MemoryLayout<Element>.stride) || chunk <= HDF5Dataset.smallChunk else {
            throw HDF5Error("opening '\(name)'", detail: "it claims chunks of \(chunk) elements, more than the file can hold")
        }
    }

    /// The largest chunk, in elements, that may exceed the file: a chunk that was never written takes no space in the file.
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

    /// Reads the elements of `range`, which must lie in `0..<count`.
    ///
    /// - Throws: `HDF5Error`, also for a chunk with a wrong checksum.
    public func read(_ range: Range<Int>) throws(HDF5Error) -> [Element] {
        invariant(range.lowerBound >= 0 && range.upperBound <= count, "the range to read lies in the dataset")
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

    /// Reads the elements of `range`, which must lie in `0..<count`, into the first `range.count` elements of `buffer`.
    ///
    /// - Throws: `HDF5Error`, also for a chunk with a wrong checksum.
    public func read(_ range: Range<Int>, into buffer: UnsafeMutableBufferPointer<Element>) throws(HDF5Error) {
        invariant(
            range.lowerBound >= 0 && range.upperBound <= count && buffer.count >= range.count,
            "the range to read lies in the dataset and fits into the buffer")
        guard !range.isEmpty else { return }
        _ = chdf5_silence_errors()
        let memory = try memorySpace(range.count)
        let stored = try selection(range)
        try check(
            H5Dread(identifier.raw, Element.hdf5Type, memory.raw, stored.raw, chdf5_default(), buffer.baseAddress),
            "reading '\(name)' at \(range.lowerBound)")
    }

    public consuming func close() throws(HDF5Error) { try identifier.close("closing '\(name)'") }

    /// The dataset's dataspace in the file, with `range` selected.
    private func selection(_ range: Range<Int>) throws(HDF5Error) -> HDF5Identifier {
        var start = hsize_t(range.lowerBound)
        var length = hsize_t(range.count)
        let stored = try HDF5Identifier(H5Dget_space(identifier.raw), .space, "reading the extent of '\(name)'")
        try check(
            H5Sselect_hyperslab(stored.raw, H5S_SELECT_SET, &start, nil, &length, nil), "choosing a part of '\(name)'")
        return stored
    }

    /// A dataspace for `count` contiguous elements in memory.
    private func memorySpace(_ count: Int) throws(HDF5Error) -> HDF5Identifier {
        var length = hsize_t(count)
        return try HDF5Identifier(H5Screate_simple(1, &length, nil), .space, "making an extent")
    }
}
