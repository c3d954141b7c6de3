import Foundation
import Planning

/// A machine's rates as text.
public struct MachineTable {
    private let rates: MachineRates

    public init(_ rates: MachineRates) { self.rates = rates }

    public var text: String { ([heading, products, attention] + (rates.reductions.isEmpty ? [] : [reductions])).joined(separator: "\n\n") }

    private var heading: String {
        String(
            format: "%@, %d cores, %.1f GiB available\nmemory %.1f GB/s, %.1f of one core; ", rates.processor, rates.cores,
            Double(rates.memoryBytes) / 0x1p30, rates.memoryBytesPerSecond * 1e-9, rates.memoryBytesPerSecondOfOneCore * 1e-9)
            + "a step takes the time that follows from the rates times "
            + rates.overheads.map { String(format: "%.3f with %d thread\($0.threads == 1 ? "" : "s")", $0.factor, $0.threads) }
            .joined(separator: ", ")
    }

    private var products: String {
        var table = TextTable(["sgemm, GFLOP/s", "m", "n", "k", "one core alone", "each of all cores"])
        for product in rates.products where product.oneCore != nil {
            table.add([
                product.form.rawValue, "\(product.m)", "\(product.n)", "\(product.k)", giga(product.oneCore!), giga(product.eachCore),
            ])
        }
        return table.text
    }

    private var attention: String {
        var table = TextTable(["attention, GFLOP/s of each core", "forward", "backward"])
        for entry in rates.attention { table.add(["\(entry.tokens) tokens", giga(entry.forward), giga(entry.backward)]) }
        return table.text
    }

    private var reductions: String {
        var table = TextTable(["\(rates.reductionRanks) ranks, ms", "all-reduce", "exchange, sum, gather"])
        for entry in rates.reductions {
            table.add([
                "\(entry.bytes) bytes", String(format: "%.3f", entry.sumSeconds * 1e3), String(format: "%.3f", entry.bucketSeconds * 1e3),
            ])
        }
        return table.text
    }

    private func giga(_ rate: Double) -> String { String(format: "%.1f", rate * 1e-9) }
}
