/// Ours against another program's, run by turns.
public struct PeerResult: Codable, Sendable {
    public var name: String
    public var peer: String
    public var versions: String
    public var rounds: Int
    public var ourSeconds: Double
    public var peerSeconds: Double
    /// Peer's median seconds over ours.
    public var speedup: Double
    public var ourPeakMemoryBytes: Int
    public var peerPeakMemoryBytes: Int
}
