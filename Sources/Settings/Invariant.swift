import Foundation

/// Ends the process where the code itself has broken what it promises: with words in release builds too, where Swift's
/// `precondition` says nothing.
///
/// For faults of Tandem's own only. What a user, a file, another rank or a number can cause throws a `Failure`.
///
/// - Parameter words: what holds, or what is broken, as a statement.
@inlinable
public func invariant(
    _ holds: @autoclosure () -> Bool, _ words: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !holds() { brokenInvariant(words(), file: file, line: line) }
}

/// The end of a process whose own code is at fault.
public func brokenInvariant(_ words: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    let text = "tandem: \(file):\(line): \(words). This is a fault of Tandem itself: please report it with the command.\n"
    // Below every buffer: nothing else may be whole.
    Array(text.utf8).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    abort()
}
