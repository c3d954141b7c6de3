import ArgumentParser

/// Where to go on from: the latest checkpoint, or that of a step.
struct ResumePoint: ExpressibleByArgument {
    /// Nil: the latest.
    let step: Int?

    init?(argument: String) {
        if argument == "latest" {
            step = nil
        } else {
            guard let number = Int(argument), number >= 0 else { return nil }
            step = number
        }
    }
}
