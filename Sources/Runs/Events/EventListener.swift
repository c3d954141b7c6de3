import Settings

/// Receives every event on the first rank.
public protocol EventListener: AnyObject {
    func receive(_ event: TrainingEvent) throws(Failure)
}
