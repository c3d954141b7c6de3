public enum Trainable: Trainability {
    public typealias Parameters = TrainableParameters
    public static var keepsActivations: Bool { true }
}
