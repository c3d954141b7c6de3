import Settings
import Tensors

/// Chooses the next records: every record once an epoch, in an order that depends on (seed, epoch) alone.
///
/// The whole state is `epoch` and `position`. After `restore`, every rank gets the same records again.
public struct Sampler: Sendable {
    public let recordCount: Int
    public let shuffle: Bool
    public let seed: UInt64
    /// The current epoch, from 0.
    public private(set) var epoch = 0
    /// Records of this epoch already taken. Stays at `recordCount` until the next call begins the next epoch.
    public private(set) var position = 0

    /// The order of one epoch, kept while that epoch lasts.
    private var order: (epoch: Int, records: [Int])?

    /// - Parameters:
    ///   - recordCount: at least 1.
    ///   - shuffle: false takes the records in the dataset's order, every epoch alike.
    public init(recordCount: Int, shuffle: Bool, seed: UInt64) {
        invariant(recordCount > 0, "a sampler has records")
        self.recordCount = recordCount
        self.shuffle = shuffle
        self.seed = seed
    }

    /// Continues at the position of another sampler with the same number of records.
    public mutating func restore(epoch: Int, position: Int) {
        invariant(epoch >= 0 && position >= 0 && position <= recordCount, "a position lies in its epoch")
        self.epoch = epoch
        self.position = position
    }

    /// Epochs done, including the done fraction of the current epoch.
    public var epochsDone: Double { Double(epoch) + Double(position) / Double(recordCount) }

    /// The next `count` records, fewer at the epoch's end. The next call then begins the next epoch.
    public mutating func next(_ count: Int) -> [Int] {
        invariant(count > 0, "a step has records")
        beginEpochIfNeeded()
        return take(min(count, recordCount - position))
    }

    /// The next records until their lengths reach `tokens`: at least one record, and fewer tokens at the epoch's end.
    public mutating func next(tokens: Int, lengthOf: (Int) -> Int) -> [Int] {
        invariant(tokens > 0, "a step has tokens")
        beginEpochIfNeeded()
        let records = currentOrder()
        var end = position
        var sum = 0
        while end < recordCount, sum < tokens {
            sum += lengthOf(records[end])
            end += 1
        }
        return take(end - position)
    }

    /// Steps of an epoch if each step takes `next(count)`.
    public func stepsPerEpoch(_ count: Int) -> Int {
        invariant(count > 0, "a step has records")
        return (recordCount + count - 1) / count
    }

    /// Steps of `epoch` if each step takes `next(tokens:lengthOf:)`. The number depends on the order if lengths differ.
    public func stepsPerEpoch(tokens: Int, epoch: Int = 0, lengthOf: (Int) -> Int) -> Int {
        var walker = Sampler(recordCount: recordCount, shuffle: shuffle, seed: seed)
        walker.restore(epoch: epoch, position: 0)
        var steps = 0
        while walker.position < recordCount {
            _ = walker.next(tokens: tokens, lengthOf: lengthOf)
            steps += 1
        }
        return steps
    }

    private mutating func beginEpochIfNeeded() {
        guard position == recordCount else { return }
        epoch += 1
        position = 0
    }

    private mutating func take(_ count: Int) -> [Int] {
        let taken = currentOrder()[position..<(position + count)]
        position += count
        return Array(taken)
    }

    private mutating func currentOrder() -> [Int] {
        if let order, order.epoch == epoch { return order.records }
        let records = Sampler.permutation(recordCount, shuffle: shuffle, seed: seed, epoch: epoch)
        order = (epoch, records)
        return records
    }

    /// Fisher-Yates, written out here: the standard library's shuffle may change between versions, a run must not.
    private static func permutation(_ count: Int, shuffle: Bool, seed: UInt64, epoch: Int) -> [Int] {
        var records = Array(0..<count)
        guard shuffle else { return records }
        var random = KeyedRandom(key: seed, RandomPurpose.recordOrder, UInt64(epoch))
        for last in stride(from: count - 1, to: 0, by: -1) {
            // The product's upper half is uniform in 0...last, to within 2⁻⁶⁴ · last.
            let other = Int(random.next().multipliedFullWidth(by: UInt64(last + 1)).high)
            records.swapAt(last, other)
        }
        return records
    }
}
