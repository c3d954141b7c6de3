import Foundation
import Settings

@testable import Datasets

/// A reader under test: what is done with an input, and small good inputs to begin with.
///
/// A refusal is a `Failure` or a `RecordError` in one line. Everything else that can end a read (a trap, memory out of
/// proportion, time, a result that contradicts the reader's promise) ends the process, and libFuzzer keeps the input.
struct FuzzTarget: Sendable {
    let name: String
    let seeds: @Sendable () throws -> [[UInt8]]
    /// Reads an input and uses everything that was read.
    let read: @Sendable ([UInt8]) throws -> Void

    static let all: [FuzzTarget] = [
        .safetensors, .index, .modelConfiguration, .gguf, .tokenizer, .chatTemplate, .records, .dataset, .configuration,
        .manifest,
    ]

    func run(_ input: [UInt8]) {
        do {
            try read(input)
        } catch let failure as Failure {
            let line = failure.description
            precondition(!line.isEmpty && !line.contains("\n") && line.utf8.count < 1 << 14, "a refusal is one line")
        } catch is RecordError {
            return
        } catch {
            preconditionFailure("an error that is no refusal: \(error)")
        }
    }
}

/// The folder of one process for readers that take paths, which `launch/fuzz` makes in memory and removes.
enum Scratch {
    static let folder = ProcessInfo.processInfo.environment["TANDEM_FUZZ_FOLDER"] ?? "."

    /// Writes a file anew and returns its path.
    static func write(_ name: String, _ bytes: [UInt8]) -> String {
        let path = "\(folder)/\(name)"
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        precondition(descriptor >= 0 && Foundation.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        return path
    }
}
