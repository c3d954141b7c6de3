public enum Frozen: Trainability {
    public typealias Parameters = FrozenParameters
    public static var keepsActivations: Bool { false }
}
