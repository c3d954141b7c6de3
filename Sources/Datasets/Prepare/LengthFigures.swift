/// The lengths of the records of one dataset, in tokens.
public struct LengthFigures: Equatable, Sendable {
    public var minimum: Int
    public var median: Int
    public var maximum: Int
}
