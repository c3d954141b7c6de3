import CHDF5

/// Element types of datasets. Stored little-endian as the machine has them.
public protocol HDF5Scalar: BitwiseCopyable, ExpressibleByIntegerLiteral {
    static var hdf5Type: Int64 { get }
}
