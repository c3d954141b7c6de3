import ArgumentParser
import Settings

/// Expands `~` in a path of the command line. Every argument and option that names a file or folder uses this function.
///
/// A shell replaces `~` only at the start of a word. In `--output=~/scores.jsonl` or a quoted path the `~` is still there.
func expandedPath(_ argument: String) throws -> String {
    guard !argument.isEmpty else { throw ValidationError("A path is empty.") }
    do throws(HomeFolder.Unknown) { return try HomeFolder.expand(argument) } catch {
        throw ValidationError("\"\(argument)\" \(error.reason). \(error.remedy)")
    }
}
