import Testing

@testable import Settings

@Suite struct SystemFileTests {
    /// The stack is mapped above the program and its libraries: its line is among the last.
    @Test("a file of the kernel is read to its end, beyond a page")
    func long() throws {
        let maps = try #require(SystemFile.text("/proc/self/maps"))
        #expect(maps.utf8.count > 4096 && maps.contains("[stack]") && maps.hasSuffix("\n"))
        #expect(SystemFile.text("/proc/self/nothing") == nil)
    }
}
