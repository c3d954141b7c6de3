import Foundation
import JSON

/// The result of one kernel in one direction.
public struct KernelResult: Sendable {
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

extension KernelResult: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "name": name, "direction": direction, "shape": shape, "seconds": seconds, "floor_seconds": floorSeconds,
            "bound": bound, "time_over_floor": timeOverFloor,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        direction = try fields["direction"]
        shape = try fields["shape"]
        seconds = try fields["seconds"]
        floorSeconds = try fields["floor_seconds"]
        bound = try fields["bound"]
        timeOverFloor = try fields["time_over_floor"]
    }
}
