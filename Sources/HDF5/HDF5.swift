import CHDF5

// The overlay of the HDF5 library. Every status of a C call is checked. Use a handle from one thread at a time: this room has
// no locks, and `hdf5IsThreadSafe` says whether the library has.

/// The version of the loaded HDF5 library.
public var hdf5Version: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    guard H5get_libversion(&major, &minor, &release) >= 0 else { return "of an unknown version" }
    return "\(major).\(minor).\(release)"
}

/// Whether several threads may call the library at once, each with its own handles. Otherwise only one thread at a time may
/// call it.
public let hdf5IsThreadSafe: Bool = {
    var isThreadSafe: hbool_t = false
    return H5is_library_threadsafe(&isThreadSafe) >= 0 && isThreadSafe
}()

func check(_ status: herr_t, _ operation: @autoclosure () -> String) throws(HDF5Error) {
    guard status >= 0 else { throw HDF5Error(operation()) }
}

extension Int32: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_int32() } }

extension Int64: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_int64() } }

extension UInt8: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_uint8() } }

extension Float: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_float() } }

extension Double: HDF5Scalar { public static var hdf5Type: Int64 { chdf5_native_double() } }
