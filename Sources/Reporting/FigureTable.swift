import Foundation
import Runs
import Settings

/// Prints each evaluation as a table of its figures; notices go to standard error.
public final class FigureTable: EventListener {
    public init() {}

    public func receive(_ event: TrainingEvent) throws(Failure) {
        if case .notice(let text) = event { Console.writeNote(text) }
        guard case .evaluated(let report) = event else { return }
        try Console.write(report.dataset)
        let width = report.figures.map(\.name.count).max() ?? 0
        for figure in report.figures {
            try Console.write("  " + figure.name.filled(to: width) + "  \(figure.value)")
        }
    }
}
