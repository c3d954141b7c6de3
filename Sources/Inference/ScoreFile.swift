import Files
import Settings

/// The file of scores while it grows, under a temporary name.
final class ScoreFile {
    private let temporary: TemporaryFile
    private let file: FileWriter

    /// - Parameter output: the name that the file gets on `commit`, and that errors name.
    init(_ output: String) throws(Failure) {
        temporary = try TemporaryFile(for: output)
        file = try FileWriter(path: temporary.path, reportedAs: output)
        temporary.lock()
    }

    func write(_ text: String) throws(Failure) { try file.write(text.utf8) }

    func commit() throws(Failure) {
        try file.finish()
        try temporary.publish()
    }
}
