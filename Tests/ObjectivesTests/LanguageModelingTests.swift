import Objectives
import Tensors
import Testing

@Suite struct LanguageModelingTests {
    @Test("the loss is the sum of negative log-probabilities, its gradient −1 a token")
    func loss() {
        let records = [RecordLayout(record: 0, [.completion: 0..<3])]
        let result = LanguageModeling().evaluate(ScoredRecords(records: records, policy: [-1, -2.5, -0.5]))
        #expect(result.lossSum == 4)
        #expect(result.gradients.targets == [-1, -1, -1])
        #expect(LanguageModeling().count(records) == 3)
    }

    @Test("rows that are scored for another objective are neither counted nor learnt")
    func context() {
        let records = [RecordLayout(record: 0, [.completion: 0..<1, .context: 1..<3])]
        let result = LanguageModeling().evaluate(ScoredRecords(records: records, policy: [-1, -2.5, -0.5]))
        #expect(result.lossSum == 1)
        #expect(result.gradients.targets == [-1, 0, 0])
        #expect(LanguageModeling().count(records) == 1)
    }

    @Test("of a preference pair it learns the chosen completion")
    func pairs() {
        let records = [RecordLayout(record: 0, [.chosen: 0..<2, .rejected: 2..<3, .prompt: 3..<5])]
        let result = LanguageModeling().evaluate(ScoredRecords(records: records, policy: [-1, -2.5, -0.5, -4, -4]))
        #expect(result.lossSum == 3.5)
        #expect(result.gradients.targets == [-1, -1, 0, 0, 0])
        #expect(LanguageModeling().count(records) == 2)
    }
}
