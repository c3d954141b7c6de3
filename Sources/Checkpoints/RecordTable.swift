import Foundation
import HDF5
import Settings

/// A table with a list of numbers for each record. A cache of reference values consists of such tables.
public struct RecordTable: Equatable, Sendable {
    public var records: [Int64] = []
    /// The end of each record's numbers in `values`. They begin at the end of the record before.
    public var ends: [Int64] = []
    public var values: [Double] = []

    public init() {}
}
