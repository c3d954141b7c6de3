/// Tandem compared with another program, measured in turns.
public struct PeerResult: Codable, Sendable {
    public var name: String
    public var peer: String
    public var versions: String
    public var rounds: Int
    public var ourSeconds: Double
    public var peerSeconds: Double
    /// The peer's median seconds divided by Tandem's.
    public var speedup: Double
    public var ourPeakMemoryBytes: Int
    public var peerPeakMemoryBytes: Int
}
