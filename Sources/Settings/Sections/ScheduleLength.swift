/// The length of a run: `schedule.steps` or `schedule.epochs`.
public enum ScheduleLength: Equatable, Sendable {
    /// A number of optimizer steps.
    case steps(Int)
    /// A number of passes over the training file.
    case epochs(Int)
}

extension ScheduleLength {
    init(_ section: Section) throws(Failure) {
        let epochs = try section.whole("epochs", .counts)
        guard let steps = try section.whole("steps", .counts) else {
            self = .epochs(epochs ?? 1)
            return
        }
        guard epochs == nil else {
            throw section.failure(
                "steps", "is given beside schedule.epochs, and both say when the run ends",
                remedy: "Keep one; `--set schedule.epochs=null` drops the other for a run.")
        }
        self = .steps(steps)
    }
}
