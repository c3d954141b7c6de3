import JSON

/// The machine's highest rates, per second: operations of `sgemm`, and bytes as STREAM counts them.
public struct Ceiling: Sendable {
    public struct Product: Sendable {
        public var name: String
        public var m: Int
        public var n: Int
        public var k: Int
        public var flopsOneThread: Double
        /// All cores of all ranks at once, each with a piece of the product.
        public var flopsAllCores: Double
        /// With OpenBLAS's own threads. Nil with one thread per rank, and with several ranks.
        public var flopsLibraryThreads: Double?
    }

    public var products: [Product]
    public var bestFlops: Double
    public var copyBytesPerSecond: Double
    public var triadBytesPerSecond: Double
}

extension Ceiling: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "products": products, "best_flops": bestFlops, "copy_bytes_per_second": copyBytesPerSecond,
            "triad_bytes_per_second": triadBytesPerSecond,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        products = try fields["products"]
        bestFlops = try fields["best_flops"]
        copyBytesPerSecond = try fields["copy_bytes_per_second"]
        triadBytesPerSecond = try fields["triad_bytes_per_second"]
    }
}

extension Ceiling.Product: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "name": name, "m": m, "n": n, "k": k, "flops_one_thread": flopsOneThread, "flops_all_cores": flopsAllCores,
            "flops_library_threads": flopsLibraryThreads,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        m = try fields["m"]
        n = try fields["n"]
        k = try fields["k"]
        flopsOneThread = try fields["flops_one_thread"]
        flopsAllCores = try fields["flops_all_cores"]
        flopsLibraryThreads = try fields["flops_library_threads"]
    }
}
