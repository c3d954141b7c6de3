import Foundation
import Settings
import Tensors
import Testing

@Suite struct ProcessLimitTests {
    /// A folder that looks like `/`, with a process's limits and sizes as Linux writes them.
    private func root(addressSpace: String, data: String, pages: String) throws -> String {
        let root = NSTemporaryDirectory() + "tandem-limits-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/proc/self", withIntermediateDirectories: true)
        let limits = """
            Limit                     Soft Limit           Hard Limit           Units     
            Max cpu time              unlimited            unlimited            seconds   
            Max data size             \(data)            unlimited            bytes     
            Max stack size            8388608              unlimited            bytes     
            Max address space         \(addressSpace)            unlimited            bytes     

            """
        try Data(limits.utf8).write(to: URL(fileURLWithPath: root + "/proc/self/limits"))
        try Data((pages + "\n").utf8).write(to: URL(fileURLWithPath: root + "/proc/self/statm"))
        return root
    }

    /// Pages are 4 KiB here; of statm's seven numbers the first is all that is mapped, the sixth data and stack.
    @Test(
        "what is left is the limit less what the process has: all that is mapped, or its data",
        arguments: [
            ("unlimited", "unlimited", ProcessLimit?.none),
            ("104857600", "unlimited", ProcessLimit(.addressSpace, byteCount: 104_857_600, rest: 104_857_600 - 1000 * 4096)),
            ("unlimited", "4194304", ProcessLimit(.data, byteCount: 4_194_304, rest: 4_194_304 - 300 * 4096)),
            // The data's limit leaves less.
            ("104857600", "4194304", ProcessLimit(.data, byteCount: 4_194_304, rest: 4_194_304 - 300 * 4096)),
            // More is mapped than a limit that was set later allows.
            ("1048576", "unlimited", ProcessLimit(.addressSpace, byteCount: 1_048_576, rest: 0)),
        ])
    func rest(addressSpace: String, data: String, expected: ProcessLimit?) throws {
        try #require(getpagesize() == 4096)
        let root = try root(addressSpace: addressSpace, data: data, pages: "1000 500 200 50 0 300 0")
        defer { try? FileManager.default.removeItem(atPath: root) }
        #expect(ProcessLimit.tightest(root: root) == expected)
    }

    @Test("a need that is greater than what is left is refused with the limit's name")
    func refused() throws {
        let limit = ProcessLimit(.addressSpace, byteCount: 300 << 20, rest: 100 << 20)
        try limit.check(100 << 20, "for this")
        let failure = try #require(throws: Failure.self) { try limit.check(101 << 20, "for this", or: ", or do without") }
        #expect(
            failure.description
                == "ulimit -v: leaves 100 MiB of 300 MiB to a process that needs 101 MiB for this. Raise that limit (ulimit -v unlimited), or do without."
        )
        #expect(failure.exitCode == .configuration)
    }
}
