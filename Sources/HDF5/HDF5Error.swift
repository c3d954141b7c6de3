import CHDF5

/// A failed call of the HDF5 library: the operation, and the innermost reason that the library gives.
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

    /// The operating system's message, if the library quotes one among addresses and sizes.
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
