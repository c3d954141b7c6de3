import JSON

public struct Machine: Sendable {
    public var host: String
    public var processor: String
    public var cores: Int
    public var memoryBytes: Int
    /// Runnable processes of the last minute, before and after the run. The first shows the work of other programs, the second
    /// also the work of this run.
    public var loadBefore: Double
    public var loadAfter: Double?

    /// Whether more than half of the cores had work before the run began.
    var wasBusy: Bool { loadBefore > Double(cores) / 2 }
}

extension Machine: JSONWritable {
    public var json: JSONValue {
        .fields([
            "host": host, "processor": processor, "cores": cores, "memory_bytes": memoryBytes, "load_before": loadBefore,
            "load_after": loadAfter,
        ])
    }
}
