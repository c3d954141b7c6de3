import ArgumentParser
import Settings

/// A path of the command line: every argument and option that names a file or folder is read by this.
///
/// A shell replaces `~` only at a word's beginning; `--output=~/scores.jsonl` or a quoted path arrives as it was written.
func expandedPath(_ argument: String) throws -> String {
    guard !argument.isEmpty else { throw ValidationError("A path is empty.") }
    do throws(HomeFolder.Unknown) { return try HomeFolder.expand(argument) } catch {
        throw ValidationError("\"\(argument)\" \(error.reason). \(error.remedy)")
    }
}
