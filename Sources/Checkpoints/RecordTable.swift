import Foundation
import HDF5
import Settings

/// Numbers of records, a run of them each: what a cache of reference values is made of.
public struct RecordTable: Equatable, Sendable {
    public var records: [Int64] = []
    /// Of each of `records`, where its values end; they begin where those of the one before end.
    public var ends: [Int64] = []
    public var values: [Double] = []

    public init() {}
}
