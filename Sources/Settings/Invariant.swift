import Foundation

/// Ends the process if `holds` is false: the code itself has a fault. Prints the words in release builds too, where Swift's
/// `precondition` prints nothing.
///
/// Only for faults of Tandem itself. An error that a user, a file, another rank or a number can cause throws a `Failure`.
///
/// - Parameter words: the promise, or the fault, as a statement.
@inlinable
public func invariant(
    _ holds: @autoclosure () -> Bool, _ words: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !holds() { brokenInvariant(words(), file: file, line: line) }
}

/// Ends the process, because its own code is at fault.
public func brokenInvariant(_ words: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    let text = "tandem: \(file):\(line): \(words). This is a fault of Tandem itself: please report it with the command.\n"
    // A direct system call, because buffers may be damaged.
    Array(text.utf8).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    abort()
}
