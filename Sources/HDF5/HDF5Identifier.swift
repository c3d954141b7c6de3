import CHDF5

/// An HDF5 identifier with one owner. `close` reports a failure; dropping the identifier closes it silently.
struct HDF5Identifier: ~Copyable {
    enum Kind { case file, dataset, space, type, attribute, properties }

    let raw: hid_t
    private let kind: Kind

    /// Takes ownership of the identifier that a library call returned. A negative value means that the call failed.
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
        // Errors are silenced again, because each thread has its own setting and the owner may be on another thread now.
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
