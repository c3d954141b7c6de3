/// The number of ranks on each axis of the mesh. A job has `data · tensor` ranks.
///
/// Tensor ranks are neighbours (`rank = dataIndex · tensor + tensorIndex`): they communicate most, so they share a node.
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

    /// Refuses a layout with more tensor ranks than key/value heads: attention heads are sharded in whole key/value groups.
    ///
    /// - Parameter key: the key that sets the number of tensor ranks.
    /// - Throws: `Failure` (configuration) with `place`, the key and a number that fits.
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
