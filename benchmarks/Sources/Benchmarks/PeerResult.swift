import JSON

/// Tandem compared with another program, measured in turns.
public struct PeerResult: Sendable {
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

extension PeerResult: JSONWritable {
    public var json: JSONValue {
        .fields([
            "name": name, "peer": peer, "versions": versions, "rounds": rounds, "our_seconds": ourSeconds,
            "peer_seconds": peerSeconds, "speedup": speedup, "our_peak_memory_bytes": ourPeakMemoryBytes,
            "peer_peak_memory_bytes": peerPeakMemoryBytes,
        ])
    }
}
