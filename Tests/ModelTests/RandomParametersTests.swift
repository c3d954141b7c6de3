import Settings
import Tensors
import Testing

@testable import Model

@Suite struct RandomParametersTests {
    private let model = ModelConfiguration(
        family: .llama, vocabularySize: 10, hiddenSize: 8, feedForwardSize: 12, layerCount: 1, headCount: 4,
        keyValueHeadCount: 2, headDimension: 2, ropeTheta: 10000, normEpsilon: 1e-5, tiedEmbeddings: true,
        projectionBias: true, maximumPositions: 64, initializerRange: 0.05)

    private func draw(_ name: String, seed: UInt64 = 17, rows: Int = 4, columns: Int = 5) throws -> [Float] {
        let matrix = ParameterSpecification(
            name: name, rowCount: rows, columnCount: columns, isVector: false, initialisation: .normal(standardDeviation: 0.05),
            cut: .replicated)
        return try RandomParameters([matrix], seed: seed).matrix(named: name, rowCount: rows, columnCount: columns).asFloats!.values
    }

    @Test("matrices are normal with the configured deviation")
    func distribution() throws {
        let values = try draw("model.embed_tokens.weight", rows: 400, columns: 501).map { Double($0) / 0.05 }
        let count = Double(values.count)
        func moment(_ power: Int) -> Double {
            values.reduce(0) { sum, value in sum + (0..<power).reduce(1) { product, _ in product * value } } / count
        }
        // Five standard errors of each moment of 200,400 numbers.
        let error = 5 / count.squareRoot()
        #expect(abs(moment(1)) < error)
        #expect(abs(moment(2) - 1) < error * 2.0.squareRoot())
        #expect(abs(moment(3)) < error * 15.0.squareRoot())
        #expect(abs(moment(4) - 3) < error * 96.0.squareRoot())
        // Neighbouring columns come from one pair of uniform numbers, and must not be correlated.
        let pairs = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / count
        #expect(abs(pairs) < error)
    }

    @Test("the same seed gives the same numbers; another seed, name or row gives others")
    func keys() throws {
        let values = try draw("a.weight")
        #expect(try draw("a.weight") == values)
        #expect(try draw("a.weight", seed: 18) != values)
        #expect(try draw("b.weight") != values)
        #expect(values[0..<5] != values[5..<10])
    }

    @Test("a row does not depend on how many rows there are")
    func rows() throws {
        #expect(try Array(draw("a.weight", rows: 4).prefix(10)) == draw("a.weight", rows: 2))
    }

    @Test("norms start at 1, biases at 0")
    func constants() throws {
        func initial(_ name: String) throws -> [Float] {
            try RandomParameters(configuration: model, seed: 17).matrix(named: name, rowCount: 1, columnCount: 3).asFloats!.values
        }
        for name in [
            "model.norm.weight", "model.layers.0.input_layernorm.weight",
            "model.layers.0.post_attention_layernorm.weight",
        ] {
            #expect(try initial(name) == [1, 1, 1])
        }
        #expect(try initial("model.layers.0.self_attn.q_proj.bias") == [0, 0, 0])
        #expect(try initial("model.layers.0.self_attn.q_proj.weight").allSatisfy { $0 != 0 && $0 != 1 })
    }

    @Test("the hash of a name is FNV-1a")
    func hash() {
        // Values of the algorithm's authors.
        #expect(RandomParameters.stableHash(of: "") == 0xCBF2_9CE4_8422_2325)
        #expect(RandomParameters.stableHash(of: "a") == 0xAF63_DC4C_8601_EC8C)
        #expect(RandomParameters.stableHash(of: "foobar") == 0x8594_4171_F739_67E8)
    }
}
