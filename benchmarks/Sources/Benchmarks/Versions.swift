public struct Versions: Codable, Sendable {
    public var tandem: String
    public var blas: String
    public var blasCore: String
    public var mpi: String
    public var kernel: String
}
