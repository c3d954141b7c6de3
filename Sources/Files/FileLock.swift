import Foundation

/// Advisory locks (`flock`) on open files and folders. The system releases a lock when its holder ends, however it ends: a
/// file that a killed process left is known by its free lock.
public enum FileLock {
    public enum Outcome: Equatable {
        case free
        /// Another process holds it.
        case taken
        /// The file system has no locks; the system's reason.
        case unsupported(String)
    }

    /// Takes the lock of `descriptor` for this process, if it is free, until the descriptor is closed.
    public static func take(_ descriptor: Int32) -> Outcome { attempt(descriptor, LOCK_EX) }

    /// Whether another process holds the lock of `descriptor`.
    public static func look(_ descriptor: Int32) -> Outcome { attempt(descriptor, LOCK_SH) }

    private static func attempt(_ descriptor: Int32, _ operation: Int32) -> Outcome {
        if flock(descriptor, operation | LOCK_NB) == 0 { return .free }
        return errno == EWOULDBLOCK ? .taken : .unsupported(systemReason())
    }
}
