/// What the machine does at most. Rates are a second: operations of `sgemm`, bytes as STREAM counts them.
public struct Ceiling: Codable, Sendable {
    public struct Product: Codable, Sendable {
        public var name: String
        public var m: Int
        public var n: Int
        public var k: Int
        public var flopsOneThread: Double
        /// A piece of the product on every core of every rank, all at once.
        public var flopsAllCores: Double
        /// OpenBLAS's own threads; nil with one thread a rank, and where several ranks share the product.
        public var flopsLibraryThreads: Double?
    }

    public var products: [Product]
    public var bestFlops: Double
    public var copyBytesPerSecond: Double
    public var triadBytesPerSecond: Double
}
