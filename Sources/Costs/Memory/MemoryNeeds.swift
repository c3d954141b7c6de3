/// What the memory of a rank depends on besides the run's shape.
public struct MemoryNeeds: Sendable {
    /// The fullest micro-batch.
    public var fullest: StepWorkload
    /// Tokens that activations have room for, where these are more.
    public var reservedTokens: Int?
    /// Bytes of the policy's checkpoint; 0 where its weights start at random.
    public var checkpointByteCount = 0
    /// Predictions whose reference values every rank keeps, and the records that they belong to.
    public var cachedRowCount = 0
    public var cachedRecordCount = 0
    /// Bytes per cached record: where its values lie.
    static let bytesPerCachedRecord = 40
    /// Bytes of a process, of a thread of it, and of MPI.
    public var processBytes = 60 << 20
    public var threadBytes = 24 << 20
    public var messagingBytes = 30 << 20

    public init(fullest: StepWorkload) { self.fullest = fullest }
}
