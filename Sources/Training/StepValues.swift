import Datasets
import Kernels
import Model
import Runs
import Settings
import Stepping

/// The values by which a step is judged before its update.
struct StepValues {
    let plan: StepPlan
    let loss: Double
    let gradientNorm: Double
}
