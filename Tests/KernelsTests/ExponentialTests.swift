import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct ExponentialTests {
    @Test("the relative error is below 3e-7 from −87 to 88")
    func accuracy() {
        let count = 2_000_000
        var largest = 0.0
        for index in stride(from: 0, to: count, by: 8) {
            var x = Float8.zero
            for lane in 0..<8 { x[lane] = Float(-87 + 175 * Double(index + lane) / Double(count - 1)) }
            let found = exponential(x)
            for lane in 0..<8 {
                let wanted = exp(Double(x[lane]))
                let error = abs(Double(found[lane]) - wanted) / wanted
                if !(error <= largest) { largest = error.isNaN ? .infinity : error }
            }
        }
        #expect(largest < 3e-7)
    }

    @Test("the relative error is below 3e-7 close to 0, where softmax works", arguments: [-1.0, 1.0])
    func accuracyNearZero(sign: Double) {
        var largest = 0.0
        for power in 0..<4000 {
            let x = Float(sign * pow(10, -7 + Double(power) / 500))
            let error = abs(Double(exponential(Float8(repeating: x))[3]) / exp(Double(x)) - 1)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        #expect(largest < 3e-7)
    }

    @Test("the exponential of zero is exactly one")
    func zero() {
        #expect(exponential(Float8(repeating: 0)) == Float8(repeating: 1))
        #expect(exponential(Float8(repeating: -0.0)) == Float8(repeating: 1))
    }

    @Test("arguments outside the range give its ends")
    func clamping() {
        let ends = exponential(Float8(-87, 88, -88, 89, -1e30, 1e30, -.infinity, .infinity))
        #expect(ends[2] == ends[0] && ends[4] == ends[0] && ends[6] == ends[0])
        #expect(ends[3] == ends[1] && ends[5] == ends[1] && ends[7] == ends[1])
        #expect(ends[0] > 0 && ends[1].isFinite)
    }

    @Test("NaN stays NaN whatever its payload, and leaves its neighbours alone")
    func notANumber() {
        for payload: UInt32 in [0, 1, 2, 0xFF, 0x100, 0x1FF, 0x2000, 0x3F_FFFF] {
            for sign: UInt32 in [0, 0x8000_0000] {
                var x = Float8(repeating: 0)
                x[5] = Float(bitPattern: sign | 0x7FC0_0000 | payload)
                let found = exponential(x)
                #expect(found[5].isNaN, "payload \(payload)")
                #expect(found[4] == 1 && found[6] == 1)
            }
        }
    }

    @Test("powers of two: the relative error is below 3e-7 from −126 to 127, whole powers are exact")
    func powersOfTwo() {
        let count = 1_000_000
        var largest = 0.0
        for index in 0..<count {
            let x = Float(-126 + 253 * Double(index) / Double(count - 1))
            let error = abs(Double(exponentialOfTwo(Float8(repeating: x))[2]) / exp2(Double(x)) - 1)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        #expect(largest < 3e-7)
        for power in -126...127 {
            #expect(exponentialOfTwo(Float8(repeating: Float(power)))[7] == Float(exp2(Double(power))))
        }
    }

    @Test("powers of two: what is below the range gives its end, NaN stays NaN")
    func endsOfPowersOfTwo() {
        let found = exponentialOfTwo(Float8(-127, -1e30, -.infinity, .nan, 0, -0.0, -126, 1))
        #expect(found[0] == found[6] && found[1] == found[6] && found[2] == found[6] && found[6] > 0)
        #expect(found[3].isNaN)
        #expect(found[4] == 1 && found[5] == 1 && found[7] == 2)
    }
}

@Suite struct SquareRootTests {
    @Test("the relative error is below 1.5e-7 from 1e-37 to 3e38; the root of zero is zero")
    func accuracy() {
        var largest = 0.0
        for step in 0..<200_000 {
            let x = Float(pow(10, -37 + 75.4 * Double(step) / 199_999))
            let error = abs(Double(squareRoot(Float8(repeating: x))[5]) / Double(x).squareRoot() - 1)
            if !(error <= largest) { largest = error.isNaN ? .infinity : error }
        }
        #expect(largest < 1.5e-7)
        #expect(squareRoot(.zero) == .zero)
    }

    @Test("numbers too large, and infinity, have a finite root; NaN stays NaN")
    func extremes() {
        #expect(squareRoot(Float8(repeating: .infinity))[0] > 1e19)
        #expect(squareRoot(Float8(repeating: .nan))[0].isNaN)
    }
}
