import CHDF5

/// The element types of datasets. Elements are stored as in the machine's memory, little-endian.
public protocol HDF5Scalar: BitwiseCopyable, ExpressibleByIntegerLiteral {
    static var hdf5Type: Int64 { get }
}
