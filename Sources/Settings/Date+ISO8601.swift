import Foundation

extension Date {
    /// The time in UTC, to the second, as in every file of Tandem: `2026-12-01T10:51:28Z` (ISO 8601).
    public var iso8601: String { ISO8601DateFormatter().string(from: self) }
}
