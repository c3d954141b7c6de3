import Foundation

/// One kernel in one direction.
public struct KernelResult: Codable, Sendable {
    public var name: String
    public var direction: String
    public var shape: String
    public var seconds: Double
    /// The larger of operations at the best `sgemm` rate and bytes at triad's bandwidth.
    public var floorSeconds: Double
    /// Which of the two it is: `operations` or `bytes`.
    public var bound: String
    public var timeOverFloor: Double
}
