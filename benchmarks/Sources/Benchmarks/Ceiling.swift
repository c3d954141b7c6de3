/// The machine's highest rates, per second: operations of `sgemm`, and bytes as STREAM counts them.
public struct Ceiling: Codable, Sendable {
    public struct Product: Codable, Sendable {
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
