import Settings
import Tensors
import Testing

@testable import Kernels

@Suite struct RotaryScalingTests {
    private let workers = makeWorkers()

    @Test("frequencies and the factor are those of Transformers, of every type and around the original length")
    func frequencies() throws {
        let fixtures = try RotaryFixture.all()
        #expect(Set(fixtures.map(\.name)) == Set(RotaryFixture.configurations.keys))
        for fixture in fixtures {
            let configuration = try #require(RotaryFixture.configurations[fixture.name])
            #expect(abs(configuration.attentionFactor - fixture.factor) < 1e-14, "\(fixture.name)")
            for sequence in fixture.sequences {
                let found = configuration.frequencies(configuration.variant(length: sequence.length))
                #expect(found.count == sequence.frequencies.count)
                for (value, expected) in zip(found, sequence.frequencies) {
                    #expect(abs(value - expected) <= 1e-13 * expected, "\(fixture.name), \(sequence.length) tokens")
                }
            }
        }
    }

    @Test("a head turns as in Transformers, of every type and around the original length")
    func turned() throws {
        for fixture in try RotaryFixture.all() {
            let configuration = try #require(RotaryFixture.configurations[fixture.name])
            var rotary = Rotary(configuration, headDimension: RotaryFixture.headDimension, positionCount: 0)
            for sequence in fixture.sequences {
                let count = sequence.positions.count
                let heads = Matrix(
                    rowCount: count, columnCount: RotaryFixture.headDimension,
                    values: (0..<count).flatMap { _ in RotaryFixture.head.map(Float.init) })
                let lengths = [Int32](repeating: Int32(sequence.length), count: count)
                rotary.prepare(positions: sequence.positions, lengths: lengths)
                rotary.forward(heads, positions: sequence.positions, lengths: lengths, workers: workers)
                #expect(
                    relativeError(heads.values, sequence.turned.flatMap { $0 }) < 2e-7,
                    "\(fixture.name), \(sequence.length) tokens")
            }
        }
    }

    @Test("backward is the transpose of forward, factor included", arguments: RotaryFixture.configurations.keys.sorted())
    func transpose(name: String) throws {
        let configuration = try #require(RotaryFixture.configurations[name])
        var rotary = Rotary(configuration, headDimension: 19, positionCount: 0)
        let positions = (0..<30).map { Int32($0 * 11 % 23) }
        let lengths = (0..<30).map { Int32([16, 23, 40][$0 % 3]) }
        rotary.prepare(positions: positions, lengths: lengths)
        let (input, gradient) = (randomMatrix(30, 38, seed: 1), randomMatrix(30, 38, seed: 2))
        let (x, g) = (Table(input), Table(gradient))
        rotary.forward(input, positions: positions, lengths: lengths, workers: workers)
        rotary.backward(gradient, positions: positions, lengths: lengths, workers: workers)
        // g · forward(x) = backward(g) · x
        #expect(abs(Table(input).dot(g) - Table(gradient).dot(x)) < 1e-5)
    }

    @Test("sequences of several lengths turn together as they turn alone", arguments: ["dynamic", "longrope", "yarn"])
    func together(name: String) throws {
        let configuration = try #require(RotaryFixture.configurations[name])
        let lengths: [Int32] = [9, 16, 17, 40, 17]
        let positions = lengths.flatMap { Array(0..<$0) }
        let lengthsOfTokens = lengths.flatMap { [Int32](repeating: $0, count: Int($0)) }
        let heads = randomMatrix(positions.count, 32, seed: 3)
        let alone = randomMatrix(positions.count, 32, seed: 3)
        var rotary = Rotary(configuration, headDimension: 16, positionCount: 0)
        rotary.prepare(positions: positions, lengths: lengthsOfTokens)
        rotary.forward(heads, positions: positions, lengths: lengthsOfTokens, workers: workers)
        var start = 0
        for length in lengths.map(Int.init) {
            var single = Rotary(configuration, headDimension: 16, positionCount: 3)
            let own = [Int32](repeating: Int32(length), count: length)
            single.prepare(positions: Array(0..<Int32(length)), lengths: own)
            let rows = alone.rows(start..<(start + length))
            single.forward(rows, positions: Array(0..<Int32(length)), lengths: own, workers: workers)
            start += length
        }
        #expect(bits(heads) == bits(alone))
    }

    @Test("the angles of a length follow the tokens: later positions of the same length, then another length")
    func following() throws {
        let configuration = try #require(RotaryFixture.configurations["dynamic"])
        var rotary = Rotary(configuration, headDimension: 16, positionCount: 0)
        for (position, length) in [(20, 30), (25, 30), (4, 30), (30, 31), (2, 3), (31, 32)] as [(Int32, Int32)] {
            rotary.prepare(positions: [position], lengths: [length])
            let heads = randomMatrix(1, 16, seed: 4)
            let frequencies = configuration.frequencies(configuration.variant(length: Int(length)))
            let expected = Oracle.rotary(
                Table(heads), headDimension: 16, angles: [frequencies.map { Double(position) * $0 }])
            rotary.forward(heads, positions: [position], lengths: [length], workers: workers)
            #expect(relativeError(heads, expected) < 2e-7)
        }
    }

    @Test("only dynamic and longrope depend on the length, and only beyond the original one")
    func variants() throws {
        for (name, configuration) in RotaryFixture.configurations {
            let variants = [1, 16, 17, 40].map { configuration.variant(length: $0) }
            switch name {
            case "dynamic": #expect(variants == [.usual, .usual, .length(17), .length(40)])
            case "longrope": #expect(variants == [.usual, .usual, .long, .long])
            default: #expect(variants == [.usual, .usual, .usual, .usual])
            }
            #expect(configuration.lengthLimit == (["dynamic", "longrope"].contains(name) ? 16 : nil))
        }
    }
}
