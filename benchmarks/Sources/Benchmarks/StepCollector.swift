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

/// Keeps every step's report, its floor, and the memory that the run took. Every rank has one.
final class StepCollector: EventListener {
    private let products: [[RequiredProduct]]
    private let untimed: Int
    private let bench: Bench
    private(set) var reports: [StepReport] = []
    /// Of each timed step.
    private(set) var floors: [Double] = []
    /// Operations a second of the fastest product.
    private(set) var bestRate = 0.0
    private(set) var peakMemoryByteCount = 0

    /// - Parameters:
    ///   - products: of each step.
    ///   - untimed: steps that come first and have no floor.
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
            throw Failure("MPI", "\(error)", remedy: "Start it again.", exitCode: .tryAgain)
        }
        // The timer's operands are not the trainer's memory.
        forgetPeakMemory()
    }
}
