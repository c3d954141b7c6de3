/// How many ranks each axis of the mesh has. `data · tensor` ranks make one job.
///
/// Tensor ranks are neighbours (`rank = dataIndex · tensor + tensorIndex`): they talk most, so they share a node.
public struct ParallelLayout: Equatable, Sendable, CustomStringConvertible {
    public var data: Int
    public var tensor: Int

    public init(data: Int, tensor: Int) {
        self.data = data
        self.tensor = tensor
    }

    public static let single = ParallelLayout(data: 1, tensor: 1)

    public var rankCount: Int { data * tensor }

    public var description: String { "data \(data) × tensor \(tensor)" }

    /// Refuses a layout that `model` can't be cut into: attention heads are dealt in whole key/value groups.
    ///
    /// - Parameter key: what says how many tensor ranks there are.
    /// - Throws: `Failure` (configuration) naming `place`, the key and what would fit.
    public func check(
        against model: ModelConfiguration, named modelName: String, place: String, key: String = "parallel.tensor"
    ) throws(Failure) {
        guard tensor > model.keyValueHeadCount else { return }
        throw .configuration(
            "\(place): \(key) = \(tensor)",
            "more tensor ranks than the \(model.keyValueHeadCount) key/value heads of \(modelName)",
            remedy: "Use at most \(model.keyValueHeadCount), and raise parallel.data instead.")
    }
}
