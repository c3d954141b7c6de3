import Foundation
import JSON

/// Files that hold one JSON value and nothing else.
public enum JSONFile {
    /// The value in a file; nil where there is no file, or no JSON in it.
    public static func value(_ path: String) -> JSONValue? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONValue(parsing: Array(bytes))
    }
}
