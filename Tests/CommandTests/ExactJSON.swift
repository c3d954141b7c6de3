import Foundation

/// A value of a JSON object, with numbers as the nearest Double: `JSONSerialization` can be a unit in the last place off.
private enum ExactJSON: Decodable {
    case flag(Bool), number(Double), text(String), numbers([Double]), null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .numbers(try container.decode([Double].self))
        }
    }

    /// Bool, Double, String or [Double]; nil for null.
    var value: Any? {
        switch self {
        case .flag(let flag): flag
        case .number(let number): number
        case .text(let text): text
        case .numbers(let numbers): numbers
        case .null: nil
        }
    }
}

/// The objects of a JSONL file that holds figures; every number is a Double.
func readFigures(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        try JSONDecoder().decode([String: ExactJSON].self, from: Data($0.utf8)).compactMapValues(\.value)
    }
}
