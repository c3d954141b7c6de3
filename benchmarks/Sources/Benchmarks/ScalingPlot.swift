import Foundation

/// An SVG plot of efficiency over ranks. Measured points are lines with dots, the forecast is dashed.
struct ScalingPlot {
    let points: [ScalingPoint]
    /// The place and time of the measurement.
    let heading: String
    /// The reasons why the figures must not be used. Empty if they may be used.
    let disturbances: [String]

    private static let size = (width: 1000.0, height: 556.0)
    private static let frame = (left: 60.0, right: 620.0, top: 76.0, bottom: 496.0)
    /// The colours differ in hue and in lightness, so that they also differ without colour.
    private static let colours = [
        "#1b6ca8", "#d1495b", "#2e8b57", "#8a5fbf", "#c77d0a", "#3a3a3a", "#17a2a2", "#9b2226", "#6a994e", "#5e548e", "#bc6c25",
        "#7f7f7f", "#0b3954", "#ef476f", "#606c38",
    ]

    private struct Curve {
        let name: String
        let colour: String
        let measured: [ScalingPoint]
        let forecast: [ScalingPoint]
    }

    /// Points with more ranks than cores are left out, because they say nothing about scaling.
    private var curves: [Curve] {
        var names: [String] = []
        for point in points where !names.contains(point.series.name) { names.append(point.series.name) }
        return names.enumerated().map { index, name in
            let own = points.filter { $0.series.name == name && !$0.isOversubscribed }
            return Curve(
                name: name, colour: ScalingPlot.colours[index % ScalingPlot.colours.count],
                measured: own.filter { !$0.isForecast }, forecast: own.filter(\.isForecast))
        }
    }

    /// The number of doublings of ranks on the horizontal axis.
    private var doublings: Double { max(1, log2(Double(points.map(\.ranks).max() ?? 2)).rounded(.up)) }

    var svg: String {
        let (width, height) = ScalingPlot.size
        let body = axes + curves.enumerated().flatMap { lines($0.element, entry: $0.offset) }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            \(body.joined(separator: "\n"))
            </svg>

            """
    }

    private var axes: [String] {
        let frame = ScalingPlot.frame
        var lines = [
            text(title, x: frame.left, y: 22, size: 14), text(heading, x: frame.left, y: 42, size: 11),
            text("ranks", x: (frame.left + frame.right) / 2, y: frame.bottom + 38, anchor: "middle"),
        ]
        if let reason = disturbances.first {
            lines.append(text("DISTURBED, take no figures: \(reason)", x: frame.left, y: 60, size: 12, colour: "#b00020"))
        }
        for percent in stride(from: 0, through: 120, by: 20) {
            let y = vertical(Double(percent) / 100)
            lines.append(level(from: frame.left, to: frame.right, y: y, colour: percent == 100 ? "#777" : "#ddd", width: 1))
            lines.append(text("\(percent)", x: frame.left - 8, y: y + 4, anchor: "end"))
        }
        for doubling in 0...Int(doublings) {
            lines.append(text("\(1 << doubling)", x: horizontal(1 << doubling), y: frame.bottom + 18, anchor: "middle"))
        }
        return lines
    }

    private var title: String {
        let hasRanges = points.contains { $0.efficiencyRange != nil }
        return "Efficiency (%) over ranks; dots were measured" + (hasRanges ? ", bars are the rounds' range" : "")
            + (points.contains(where: \.isForecast) ? ", dashes are forecast" : "")
    }

    private func lines(_ curve: Curve, entry: Int) -> [String] {
        var lines: [String] = []
        func path(_ points: [ScalingPoint], dashed: Bool) {
            guard points.count > 1 else { return }
            let places = points.map { "\(round(horizontal($0.ranks))),\(round(vertical($0.efficiency)))" }.joined(separator: " ")
            let pattern = dashed ? " stroke-dasharray=\"6 4\"" : ""
            lines.append(
                "<polyline fill=\"none\" stroke=\"\(curve.colour)\" stroke-width=\"2\"\(pattern) points=\"\(places)\"/>")
        }
        path(curve.measured, dashed: false)
        path(curve.measured.suffix(1) + curve.forecast, dashed: true)
        for point in curve.measured {
            let (x, y) = (round(horizontal(point.ranks)), round(vertical(point.efficiency)))
            if let range = point.efficiencyRange {
                // Bars are beside each other, so that no bar hides another.
                let place = curves.count > 1 ? Double(entry) / Double(curves.count - 1) - 0.5 : 0
                let x = round(horizontal(point.ranks) + 36 * place)
                let (low, high) = (round(vertical(range[0])), round(vertical(range[1])))
                lines.append("<line x1=\"\(x)\" x2=\"\(x)\" y1=\"\(low)\" y2=\"\(high)\" stroke=\"\(curve.colour)\" stroke-width=\"1.5\"/>")
            }
            lines.append("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"4\" fill=\"\(curve.colour)\"/>")
        }
        let y = ScalingPlot.frame.top + 10 + 24 * Double(entry)
        let left = ScalingPlot.frame.right + 24
        lines.append(level(from: left, to: left + 24, y: y, colour: curve.colour, width: 3))
        lines.append(text(curve.name, x: left + 32, y: y + 2))
        if let model = curve.measured.first?.model { lines.append(text(model, x: left + 32, y: y + 12, size: 8, colour: "#555")) }
        return lines
    }

    private func horizontal(_ ranks: Int) -> Double {
        let frame = ScalingPlot.frame
        return frame.left + 20 + (frame.right - frame.left - 40) * log2(Double(ranks)) / doublings
    }

    /// The place of an efficiency from 0 to 120 %. Values outside are drawn at the edge.
    private func vertical(_ efficiency: Double) -> Double {
        let frame = ScalingPlot.frame
        return frame.bottom - (frame.bottom - frame.top) * min(max(efficiency, 0), 1.2) / 1.2
    }

    private func level(from left: Double, to right: Double, y: Double, colour: String, width: Int) -> String {
        "<line x1=\"\(round(left))\" x2=\"\(round(right))\" y1=\"\(round(y))\" y2=\"\(round(y))\" stroke=\"\(colour)\" "
            + "stroke-width=\"\(width)\"/>"
    }

    private func text(
        _ text: String, x: Double, y: Double, anchor: String = "start", size: Int = 12, colour: String = "#000"
    ) -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "<text x=\"\(round(x))\" y=\"\(round(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" fill=\"\(colour)\">\(escaped)</text>"
    }

    /// Rounds to a tenth of a unit.
    private func round(_ value: Double) -> String { String(format: "%.1f", value) }
}

extension ScalingReport {
    /// The plot of the points.
    public var svg: String { ScalingPlot(points: points, heading: heading, disturbances: disturbances).svg }
}
