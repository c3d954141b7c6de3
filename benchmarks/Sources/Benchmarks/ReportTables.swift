import Foundation
import Reporting
import Stepping

extension BenchmarkReport {
    /// The report as text.
    public var text: String {
        var blocks = [heading]
        if let ceiling { blocks.append(ceilingTable(ceiling)) }
        if !kernels.isEmpty { blocks.append(kernelTable) }
        if !steps.isEmpty { blocks += [stepTable, splitTable] }
        if !peers.isEmpty { blocks.append(peerTable) }
        if !notices.isEmpty { blocks.append(notices.map { "note: \($0)" }.joined(separator: "\n")) }
        return blocks.joined(separator: "\n\n")
    }

    private var heading: String {
        let load = machine.loadAfter.map { String(format: "load %.2f before, %.2f after", machine.loadBefore, $0) } ?? ""
        let warning = machine.wasBusy ? "\nnote: others kept this machine busy, so don't use the figures of this run" : ""
        return """
            \(machine.processor), \(machine.cores) cores, \(gibibytes(machine.memoryBytes)) GiB, \(load)\(warning)
            Tandem \(versions.tandem) at \(commit ?? "no commit"), \(versions.blas) for \(versions.blasCore), MPI \(versions.mpi)
            model \(model), ranks \(binding.ranks) (tensor \(binding.tensor)) × threads \(binding.threads), started by \(binding.launcher)
            pairs: \(pairs)
            """
    }

    private func ceilingTable(_ ceiling: Ceiling) -> String {
        var table = TextTable(["sgemm, GFLOP/s", "m", "n", "k", "one thread", "all cores", "OpenBLAS's threads"])
        for product in ceiling.products {
            table.add([
                product.name, "\(product.m)", "\(product.n)", "\(product.k)", giga(product.flopsOneThread),
                giga(product.flopsAllCores), product.flopsLibraryThreads.map(giga) ?? "-",
            ])
        }
        return table.text + "\nbest \(giga(ceiling.bestFlops)) GFLOP/s; memory: copy \(giga(ceiling.copyBytesPerSecond)), "
            + "triad \(giga(ceiling.triadBytesPerSecond)) GB/s"
    }

    private var kernelTable: String {
        var table = TextTable(["kernel", "direction", "shape of a rank", "ms", "floor ms", "bound by", "time / floor"])
        for kernel in kernels {
            table.add([
                kernel.name, kernel.direction, kernel.shape, String(format: "%.3f", kernel.seconds * 1e3),
                String(format: "%.3f", kernel.floorSeconds * 1e3), kernel.bound, String(format: "%.2f", kernel.timeOverFloor),
            ])
        }
        return table.text
    }

    private var stepTable: String {
        var table = TextTable([
            "step", "tensor", "s", "tokens", "tokens/s", "pairs/s", "GFLOP/s", "floor s", "% of floor", "% at best rate",
            "peak GiB",
        ])
        for step in steps {
            table.add([
                step.name, "\(step.tensor)", String(format: "%.3f", step.stepSeconds), String(format: "%.0f", step.tokens),
                String(format: "%.1f", step.tokensPerSecond), step.pairsPerSecond.map { String(format: "%.3f", $0) } ?? "-",
                giga(step.modelFlopsPerSecond), String(format: "%.3f", step.floorSeconds),
                String(format: "%.1f", 100 * step.floorFraction), String(format: "%.1f", 100 * step.bestRateFloorFraction),
                gibibytes(step.peakMemoryBytes),
            ])
        }
        return table.text
    }

    private var splitTable: String {
        let sections = Stopwatch.Section.allCases.map(\.rawValue)
        var table = TextTable(["step, seconds in"] + sections)
        for step in steps {
            table.add([step.name] + sections.map { String(format: "%.3f", step.seconds[$0] ?? 0) })
        }
        return table.text
    }

    private var peerTable: String {
        var table = TextTable(["step", "peer", "s", "peer's s", "times as fast", "GiB", "peer's GiB", "versions"])
        for peer in peers {
            table.add([
                peer.name, peer.peer, String(format: "%.3f", peer.ourSeconds), String(format: "%.3f", peer.peerSeconds),
                String(format: "%.2f", peer.speedup), gibibytes(peer.ourPeakMemoryBytes),
                gibibytes(peer.peerPeakMemoryBytes), peer.versions,
            ])
        }
        return table.text
    }
}

private func giga(_ rate: Double) -> String { String(format: "%.1f", rate * 1e-9) }
private func gibibytes(_ bytes: Int) -> String { String(format: "%.2f", Double(bytes) / 0x1p30) }
