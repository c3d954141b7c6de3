import Foundation

extension Date {
    /// UTC, to the second, as every file of Tandem writes a time: `2026-12-01T10:51:28Z` (ISO 8601).
    public var iso8601: String { ISO8601DateFormatter().string(from: self) }
}
