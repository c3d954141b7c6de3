import Tensors
import Testing

@testable import Kernels

/// `Kernels` is optimised in debug builds too, as release builds are: there Swift's `precondition` says nothing.
@Suite struct OptimisedInvariantTests {
    @Test("optimised code whose invariant is broken ends with the words of the invariant")
    func words() async {
        let result = await #expect(processExitsWith: .signal(6), observing: [\.standardErrorContent]) {
            let (two, three) = (Matrix(rowCount: 2, columnCount: 2), Matrix(rowCount: 3, columnCount: 2))
            MatrixProduct.multiply(two, two, into: three)
        }
        let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(words.contains("Kernels/MatrixProduct.swift:") && words.contains(": a product has the first matrix's rows. This is a fault"))
    }
}
