import Foundation
import JSON
import Settings

extension JSONValue {
    /// Parses a file of a checkpoint, or a part of a file.
    ///
    /// - Throws: `Failure` (damaged data) naming `place` and the byte of the first error in the JSON.
    init(_ bytes: [UInt8], place: String) throws(Failure) {
        do {
            self = try JSONValue(parsing: bytes)
        } catch {
            throw .damaged(
                place, "is not valid JSON: \(error.reason) at byte \(error.offset)",
                remedy: "Download or export it again, or correct the JSON.")
        }
    }

    /// The text of a file in Hugging Face's style: indented, with a line break at the end.
    var file: Data { Data((indented + "\n").utf8) }
}

extension [Int] {
    /// The shape as text for an error of one line.
    var printable: String { description.printable }
}
