import Objectives
import Tensors
import Testing

@Suite struct MissingSequenceTests {
    @Test("a loss of pairs never takes a text for a pair of empty completions: the process ends with the sequence's name")
    func text() async {
        let result = await #expect(processExitsWith: .signal(6), observing: [\.standardErrorContent]) {
            let text = ScoredRecords(records: [RecordLayout(record: 3, [.completion: 0..<2])], policy: [-1, -2])
            _ = DirectPreference(beta: 1, reference: nil).evaluate(text)
        }
        let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(words.contains("record 3 has no scored sequence chosen"))
    }
}
