import Foundation
import JSON
import Settings

extension JSONValue {
    /// What a file of a checkpoint, or a part of one, holds.
    ///
    /// - Throws: `Failure` (damaged data) naming `place` and the byte at which the text stops being JSON.
    init(_ bytes: [UInt8], place: String) throws(Failure) {
        do {
            self = try JSONValue(parsing: bytes)
        } catch {
            throw .damaged(
                place, "is not valid JSON: \(error.reason) at byte \(error.offset)",
                remedy: "Download or export it again, or mend the JSON.")
        }
    }

    /// A file as Hugging Face writes it.
    var file: Data { Data((indented + "\n").utf8) }
}

extension [Int] {
    /// A shape for one line of an error.
    var printable: String { description.printable }
}
