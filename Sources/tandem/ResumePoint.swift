import ArgumentParser
import Training

/// Where to go on from: the latest checkpoint, the newest that is whole, or that of a step.
struct ResumePoint: ExpressibleByArgument, CustomStringConvertible {
    let choice: ResumeChoice

    /// As an option.
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
