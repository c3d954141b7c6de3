import Costs
import Settings

@testable import Planning

/// A machine on which every product runs at `rate` operations a second, whatever its shape.
func flatRates(
    _ rate: Double = 1e9, cores: Int = 2, bytesPerSecond: Double = 1e30, reductions: [MachineRates.Reduction] = [],
    ranks: Int = 1
) -> MachineRates {
    let products = RequiredProduct.Form.allCases.flatMap { form in
        [64, 1024].map {
            MachineRates.Product(form: form, m: $0, n: $0, k: $0, oneCore: form == .forward ? rate : nil, eachCore: rate)
        }
    }
    return MachineRates(
        processor: "test", cores: cores, memoryBytes: 8 << 30, products: products,
        attention: [.init(tokens: 64, forward: rate, backward: rate)], scoreSecondsPerLogit: 0, gradientSecondsPerLogit: 0,
        memoryBytesPerSecond: bytesPerSecond, memoryBytesPerSecondOfOneCore: bytesPerSecond, overheads: [.init(threads: 1, factor: 1)],
        processBytes: 1 << 20, threadBytes: 1 << 20, messagingBytes: 1 << 20, reductionRanks: ranks, reductions: reductions,
        network: .init(latencySeconds: 1e-3, bytesPerSecond: 1e6, isAssumed: false))
}
