import Foundation

/// The result of one kernel in one direction.
public struct KernelResult: Codable, Sendable {
    public var name: String
    public var direction: String
    public var shape: String
    public var seconds: Double
    /// The larger of two times: operations at the best `sgemm` rate, and bytes at triad's bandwidth.
    public var floorSeconds: Double
    /// The kind of the larger time: `operations` or `bytes`.
    public var bound: String
    public var timeOverFloor: Double
}
