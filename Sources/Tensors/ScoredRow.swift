/// One scored prediction: the hidden state at `position` of the axis predicts `target`.
///
/// A shared prompt's last position has one row for each completion.
public struct ScoredRow: Equatable, Sendable {
    public var position: Int
    public var target: Int32

    public init(position: Int, target: Int32) {
        self.position = position
        self.target = target
    }
}
