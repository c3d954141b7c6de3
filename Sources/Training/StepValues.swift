import Datasets
import Kernels
import Model
import Runs
import Settings
import Stepping

/// What a step that may change nothing was.
struct StepValues {
    let plan: StepPlan
    let loss: Double
    let gradientNorm: Double
}
