import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct MixtureTests {
    /// Both signs, from 1e-30 to 86, and everything in steps between −86 and 86.
    private static let points: [Float] =
        (0..<8000).flatMap { power -> [Float] in
            let x = Float(pow(10, -30 + Double(power) / 8000 * 31.9344))
            return [x, -x]
        } + (0..<200_000).map { Float(-86 + 172 * Double($0) / 199_999) }

    private func largestError(_ found: (Float8) -> Float8, _ wanted: (Double) -> Double) -> Double {
        var largest = 0.0
        for x in MixtureTests.points where x != 0 {
            let error = abs(Double(found(Float8(repeating: x))[5]) / wanted(Double(x)) - 1)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        return largest
    }

    @Test("e^x and e^x − 1 have a relative error below 3e-7, near 0 too")
    func exponentials() {
        #expect(largestError({ exponentialAndLess($0).value }, { exp($0) }) < 3e-7)
        #expect(largestError({ exponentialAndLess($0).lessOne }, { expm1($0) }) < 3e-7)
        #expect(exponentialAndLess(Float8(repeating: 0)).lessOne == Float8(repeating: 0))
        #expect(exponentialAndLess(Float8(repeating: .nan)).lessOne[2].isNaN)
    }

    @Test("the logarithm of a mixture has a relative error below 1e-6", arguments: [0.001, 0.1, 0.5, 0.9, 0.999])
    func mixture(beta: Double) {
        let logarithm = MixtureLogarithm(share: beta)
        #expect(largestError({ logarithm($0) }, { log1p(beta * expm1($0)) }) < 1e-6)
        #expect(logarithm(Float8(repeating: 0)) == Float8(repeating: 0))
        #expect(logarithm(Float8(repeating: -0.0)) == Float8(repeating: 0))
        #expect(logarithm(Float8(repeating: .nan))[7].isNaN)
    }
}
