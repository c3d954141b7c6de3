import Foundation

/// libFuzzer around one reader, which `TANDEM_FUZZ_READER` chooses. With `TANDEM_FUZZ_SEEDS` the reader's good inputs are written
/// into that folder, and nothing is fuzzed.
@main
enum Fuzz {
    static func main() {
        if let folder = ProcessInfo.processInfo.environment["TANDEM_FUZZ_SEEDS"] { return writeSeeds(to: folder) }
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        let status = runDriver(&count, &arguments) { bytes, count in
            Fuzz.target.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
            return 0
        }
        exit(status)
    }

    private static let target: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["TANDEM_FUZZ_READER"] ?? ""
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            let known = FuzzTarget.all.map(\.name).joined(separator: " ")
            end("TANDEM_FUZZ_READER \"\(name)\" is none of: \(known)", exitCode: 64)
        }
        return target
    }()

    private static func writeSeeds(to folder: String) {
        do {
            for (index, seed) in try target.seeds().enumerated() {
                // A seed that is refused would leave most of the reader to chance.
                try target.read(seed)
                try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
            }
        } catch {
            end("\(target.name): a seed is refused: \(error)", exitCode: 70)
        }
    }

    private static func end(_ line: String, exitCode: Int32) -> Never {
        FileHandle.standardError.write(Data((line + "\n").utf8))
        exit(exitCode)
    }
}

/// libFuzzer's own beginning, for programs that have a `main`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
