import ArgumentParser
import Training

/// The checkpoint to resume from: the latest, the newest undamaged one, or the one of a given step.
struct ResumePoint: ExpressibleByArgument, CustomStringConvertible {
    let choice: ResumeChoice

    /// The option that selects this checkpoint.
    var description: String {
        switch choice {
        case .latest: "--resume"
        case .latestValid: "--resume=latest-valid"
        case .step(let step): "--resume=\(step)"
        }
    }

    init?(argument: String) {
        switch argument {
        case "latest": choice = .latest
        case "latest-valid": choice = .latestValid
        default:
            guard let step = Int(argument), step >= 0 else { return nil }
            choice = .step(step)
        }
    }
}
