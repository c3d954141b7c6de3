import Settings
import Testing

@Suite struct InvariantTests {
    @Test("a broken invariant ends the process with its words, place and a remedy, and one that holds does nothing")
    func broken() async {
        invariant(1 + 1 == 2, "sums are sums")
        let result = await #expect(processExitsWith: .signal(6), observing: [\.standardErrorContent]) {
            let limit = 3
            invariant(limit > 4, "a limit of \(limit) is above 4")
        }
        let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(words.contains("SettingsTests/InvariantTests.swift:"))
        #expect(words.contains(": a limit of 3 is above 4. This is a fault of Tandem itself: please report it"))
    }
}
