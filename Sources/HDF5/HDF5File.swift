import CHDF5

/// An open HDF5 file and the attributes of its root group.
public struct HDF5File: ~Copyable {
    let identifier: HDF5Identifier

    /// Creates a file in the format of HDF5 1.10: unlike in the older format, all metadata has checksums. Fails if `path`
    /// exists.
    public init(creating path: String) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        let access = try HDF5File.accessProperties()
        try check(H5Pset_libver_bounds(access.raw, H5F_LIBVER_V110, H5F_LIBVER_V110), "choosing the file format")
        let creation = try HDF5Identifier(H5Pcreate(chdf5_file_create()), .properties, "making file properties")
        // Without time stamps, the same records give the same bytes.
        try check(H5Pset_obj_track_times(creation.raw, false), "switching off time stamps")
        identifier = try HDF5Identifier(
            H5Fcreate(path, chdf5_exclusive(), creation.raw, access.raw), .file, "creating the file")
    }

    public init(opening path: String) throws(HDF5Error) {
        _ = chdf5_silence_errors()
        let access = try HDF5File.accessProperties()
        identifier = try HDF5Identifier(H5Fopen(path, chdf5_read_only(), access.raw), .file, "opening the file")
    }

    /// Switches off file locks: readers see only finished files, and some cluster file systems have no locks.
    private static func accessProperties() throws(HDF5Error) -> HDF5Identifier {
        let access = try HDF5Identifier(H5Pcreate(chdf5_file_access()), .properties, "making access properties")
        try check(H5Pset_file_locking(access.raw, false, true), "switching off file locks")
        return access
    }

    /// Writes all data and closes the file. The library may report success on a full disk, so read the file again before you
    /// trust it.
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
