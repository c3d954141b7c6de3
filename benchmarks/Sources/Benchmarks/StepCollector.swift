import Collectives
import Costs
import Datasets
import Foundation
import Kernels
import Planning
import Runs
import Settings
import Stepping
import Training

/// Collects the report and the floor of every step, and the run's memory. Every rank has a collector.
final class StepCollector: EventListener {
    private let products: [[RequiredProduct]]
    private let untimed: Int
    private let bench: Bench
    private(set) var reports: [StepReport] = []
    /// The floor of each timed step.
    private(set) var floors: [Double] = []
    /// Operations a second of the fastest product.
    private(set) var bestRate = 0.0
    private(set) var peakMemoryByteCount = 0

    /// - Parameters:
    ///   - products: the products of each step.
    ///   - untimed: the number of first steps, which have no floor.
    init(products: [[RequiredProduct]], untimed: Int, bench: Bench) {
        self.products = products
        self.untimed = untimed
        self.bench = bench
    }

    func receive(_ event: TrainingEvent) throws(Failure) {
        guard case .step(let report) = event else { return }
        reports.append(report)
        peakMemoryByteCount = max(peakMemoryByteCount, Stepping.peakMemoryByteCount())
        guard reports.count > untimed else { return }
        do {
            let timer = ProductTimer(bench)
            floors.append(try timer.seconds(of: products[reports.count - 1]))
            bestRate = max(bestRate, timer.bestRate)
        } catch {
            throw Failure("MPI", "\(error)", remedy: "Start the benchmark again.", exitCode: .tryAgain)
        }
        // The operands of the timer don't count as memory of the trainer.
        forgetPeakMemory()
    }
}
