import ArgumentParser
import Training

/// Where to go on from: the latest checkpoint, the newest that is whole, or that of a step.
struct ResumePoint: ExpressibleByArgument {
    let choice: ResumeChoice

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
