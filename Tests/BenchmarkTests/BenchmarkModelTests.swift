import Benchmarks
import Testing

@Suite struct BenchmarkModelTests {
    @Test func smolLM2HasItsParameters() {
        #expect(BenchmarkModel.medium.configuration.parameterCount == 134_515_008)
        #expect(BenchmarkModel.medium.studentLayers == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27])
    }
}
