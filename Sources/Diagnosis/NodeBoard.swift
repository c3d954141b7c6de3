import CThreads
import Foundation
import Synchronization

/// Shared memory in which each rank of a node writes its activity. Every rank can read it, also the part of a stopped or
/// dead rank.
///
/// The memory is a file without a name. Ranks open it through the descriptor of the rank that made it, so no file remains,
/// however the ranks end. Only this file handles pointers.
package final class NodeBoard: @unchecked Sendable {
    /// Words of each rank.
    static let wordCount = 1024
    let rankCount: Int
    private let words: UnsafeMutablePointer<Atomic<Int>>
    /// Open until all ranks have mapped the memory; -1 after that.
    private var descriptor: Int32

    /// One part for each rank, and one word shared by all.
    private static func byteCount(_ rankCount: Int) -> Int { (rankCount * wordCount + 1) * MemoryLayout<Int>.stride }

    /// Makes the memory for `rankCount` ranks; nil if the system refuses.
    package static func make(rankCount: Int) -> NodeBoard? {
        let descriptor = tandem_memory_file("tandem-board")
        guard descriptor >= 0, ftruncate(descriptor, byteCount(rankCount)) == 0 else { return nil }
        return NodeBoard(descriptor, rankCount: rankCount)
    }

    /// Opens the memory that another process of this node made and keeps open. Nil if it can't be opened, as between
    /// containers.
    package static func open(madeBy process: Int, descriptor number: Int, rankCount: Int) -> NodeBoard? {
        let descriptor = Foundation.open("/proc/\(process)/fd/\(number)", O_RDWR | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0, Int(status.st_size) == byteCount(rankCount) else { return nil }
        return NodeBoard(descriptor, rankCount: rankCount)
    }

    private init?(_ descriptor: Int32, rankCount: Int) {
        let memory = mmap(nil, NodeBoard.byteCount(rankCount), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let memory, memory != MAP_FAILED else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.rankCount = rankCount
        words = memory.assumingMemoryBound(to: Atomic<Int>.self)
    }

    deinit {
        closeDescriptor()
        munmap(words, NodeBoard.byteCount(rankCount))
    }

    /// The address by which other ranks open the memory: this process and its descriptor.
    package var address: [Int] { [Int(getpid()), Int(descriptor)] }

    /// Called when no rank opens the memory any more.
    package func closeDescriptor() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
    }

    /// - Parameter place: the rank's index on this node.
    func read(_ word: Int, of place: Int) -> Int {
        words[place * NodeBoard.wordCount + word].load(ordering: .acquiring)
    }

    /// Other ranks see the words in the order in which they were written.
    func write(_ value: Int, to word: Int, of place: Int) {
        words[place * NodeBoard.wordCount + word].store(value, ordering: .releasing)
    }

    /// Whether the rank at `place` reports for its node when something goes wrong. The first rank that asks gets true.
    func claimWord(_ place: Int) -> Bool {
        let (exchanged, original) = words[rankCount * NodeBoard.wordCount].compareExchange(
            expected: 0, desired: place + 1, ordering: .sequentiallyConsistent)
        return exchanged || original == place + 1
    }

    /// Whether any rank of the node has claimed the report.
    var isClaimed: Bool { words[rankCount * NodeBoard.wordCount].load(ordering: .acquiring) != 0 }
}
