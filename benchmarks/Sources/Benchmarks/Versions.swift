import JSON

public struct Versions: Sendable {
    public var tandem: String
    public var blas: String
    public var blasCore: String
    public var mpi: String
    public var kernel: String
}

extension Versions: JSONWritable {
    public var json: JSONValue { .fields(["tandem": tandem, "blas": blas, "blas_core": blasCore, "mpi": mpi, "kernel": kernel]) }
}
