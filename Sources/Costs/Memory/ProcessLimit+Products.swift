import Kernels
import Settings
import Tensors

extension ProcessLimit {
    /// What the runtime, the libraries and kernels' scratch take besides what is counted.
    static let margin = 64 << 20

    /// Refuses to compute with `threads` where OpenBLAS's memory has no room: it would ask for it for ever.
    ///
    /// - Parameter besides: bytes of the model and what it computes.
    /// - Throws: `Failure`: configuration.
    public func checkProducts(threads: Int, besides: Double) throws(Failure) {
        try check(
            threads * matrixProductByteCount + ProcessLimit.margin + Int(min(besides, 1e15)),
            "to multiply matrices on \(threads) thread\(threads == 1 ? "" : "s")", or: threads > 1 ? ", or use fewer threads" : "")
    }

    /// Refuses a limit under which any command might end in the middle without a word.
    ///
    /// - Throws: `Failure`: configuration.
    public func checkStart() throws(Failure) { try check(24 << 20, "for any command") }
}
