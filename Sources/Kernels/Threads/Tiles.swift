import CThreads
import Settings
import Synchronization

/// `count` items cut into nearly equal tiles of at most `limit` items (a multiple of 16). The number of threads plays no role.
public struct Tiles: Sendable {
    public let count: Int
    public let tileCount: Int
    private let size: Int

    public init(_ count: Int, limit: Int) {
        invariant(limit > 0 && limit % 16 == 0, "the limit of a tile is a positive multiple of 16")
        self.count = count
        let wanted = max(1, (count + limit - 1) / limit)
        // Multiples of 16 keep the matrix kernels' register blocks complete.
        size = max(1, ((count + wanted - 1) / wanted + 15) / 16 * 16)
        tileCount = (count + size - 1) / size
    }

    /// As `init(_:limit:)`, but the number of tiles is a multiple of four, or of two, if each tile then has about `least`
    /// items or more: two threads with three equal tasks are busy for only three quarters of the time.
    public init(sharing count: Int, limit: Int, least: Int = 64) {
        let wanted = max(1, (count + limit - 1) / limit)
        let multiple = [4, 2].first { count >= least * ((wanted + $0 - 1) / $0 * $0) } ?? 1
        let tileCount = (wanted + multiple - 1) / multiple * multiple
        self.init(count, limit: max(16, ((count + tileCount - 1) / tileCount + 15) / 16 * 16))
    }

    public subscript(index: Int) -> Range<Int> { (index * size)..<min(count, (index + 1) * size) }
}
