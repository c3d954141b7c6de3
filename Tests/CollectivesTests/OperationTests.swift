import TestSupport
import Testing

/// Every operation between ranks, for real: `collectives-probe` compares each with values that every rank computes by itself.
@Suite struct OperationTests {
    /// As the program prints them, in order.
    private let operations = [
        "all-reduce of floats", "all-reduce of inexact floats", "all-reduce of doubles", "maximum and minimum", "all-gather of bytes",
        "all-gather of values", "broadcast", "send and receive", "all-to-all", "all-gather of parts", "two groups at once",
        "a pending operation that is dropped", "partial sums", "axes of the mesh", "groups of chosen ranks",
        "memory that a node shares", "one failure for all", "seconds that were waited",
    ]

    @Test("every operation gives what its ranks compute by themselves, alone and on one to five ranks", arguments: [nil, 1, 2, 3, 4, 5])
    func values(ranks: Int?) throws {
        let result = try runProgram("collectives-probe", [], ranks: ranks)
        #expect(result.output.split(separator: "\n").map(String.init) == operations, "\(result.errorOutput)")
        #expect(result.exitCode == 0)
    }

    @Test("ranks that compare their calls get the same", arguments: [3])
    func checked(ranks: Int) throws {
        let result = try runProgram("collectives-probe", ["checked"], ranks: ranks)
        #expect(result.output.split(separator: "\n").map(String.init) == operations, "\(result.errorOutput)")
    }
}
