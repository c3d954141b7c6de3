import Synchronization

/// The number of pending collectives dropped without `wait` since the process began. Always 0 in correct code.
public enum PendingCollectiveFaults {
    private static let counter = Atomic<Int>(0)

    public static var count: Int { counter.load(ordering: .relaxed) }
    static func record() { counter.add(1, ordering: .relaxed) }
}
