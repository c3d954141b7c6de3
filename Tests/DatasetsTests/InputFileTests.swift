import Foundation
import Settings
import Testing

@testable import Datasets

@Suite("Files of records, and what is none") struct InputFileTests {
    let folder: TemporaryFolder
    let output: String
    private let good = #"{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4]}"#
    private let mark = Data([0xEF, 0xBB, 0xBF])

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func refusal(_ inputs: [String]) throws -> Failure {
        try failureOfPreparing(PrepareRequest(inputs: inputs, output: output))
    }

    @Test("a byte order mark at a file's beginning is passed over, in every file")
    func byteOrderMark() throws {
        let inputs = try ["1.jsonl", "2.jsonl"].map { try folder.write(mark + Data("\(good)\n\(good)".utf8), to: $0) }
        #expect(try prepare(PrepareRequest(inputs: inputs, output: output)).training.records == 4)
        #expect(try DatasetFile(path: output).record(2).prompt == [1, 2])
    }

    @Test("a byte order mark elsewhere is named, with its line; a file of nothing else is empty")
    func misplacedMark() throws {
        let twice = try folder.write(mark + mark + Data(good.utf8), to: "twice.jsonl")
        #expect(try refusal([twice]).place == "\(twice):1")
        let joined = try folder.write(Data("\(good)\n".utf8) + mark + Data(good.utf8), to: "joined.jsonl")
        let failure = try refusal([joined])
        #expect(failure.place == "\(joined):2" && failure.reason.contains("byte order mark"), "\(failure)")
        let bare = try folder.write(mark, to: "bare.jsonl")
        #expect(try refusal([bare]).reason == "is empty")
        let second = try folder.write(mark + Data("\(good)\nnonsense\n".utf8), to: "second.jsonl")
        #expect(try refusal([second]).place == "\(second):2")
    }

    @Test("a pipe, a device, a socket and a file of the kernel are refused by name before anything is read", .timeLimit(.minutes(1)))
    func noFiles() throws {
        let pipe = folder.file("pipe.jsonl")
        #expect(mkfifo(pipe, 0o600) == 0)
        let input = try folder.write(good, to: "in.jsonl")
        for (path, says) in [
            (pipe, "is a pipe"), ("/dev/zero", "is a device"), ("/dev/null", "is a device"),
            ("/proc/self/mem", "the kernel makes up"), ("/proc/self/status", "the kernel makes up"),
        ] {
            for inputs in [[path], [input, path]] {
                let failure = try refusal(inputs)
                #expect(failure.exitCode == .damagedData && failure.place == path && failure.reason.contains(says), "\(failure)")
                #expect(failure.remedy.contains("file"))
            }
        }
        #expect(try folder.names == ["in.jsonl", "pipe.jsonl"])
    }
}
