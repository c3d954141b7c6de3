import CThreads
import Foundation
import Synchronization

/// Words in memory where each rank of a node writes what it does, and which every one of them can read: also of a rank that
/// is stopped or dead.
///
/// The memory is a file without a name that ranks open through the descriptor of the one that made it, so nothing of it stays
/// behind, however they end. This file alone knows of pointers.
package final class NodeBoard: @unchecked Sendable {
    /// Of each rank.
    static let wordCount = 1024
    let rankCount: Int
    private let words: UnsafeMutablePointer<Atomic<Int>>
    /// Open until all ranks have the memory.
    private var descriptor: Int32

    /// A rank's part and one word of all.
    private static func byteCount(_ rankCount: Int) -> Int { (rankCount * wordCount + 1) * MemoryLayout<Int>.stride }

    /// Makes the memory for `rankCount` ranks; nil where the system refuses.
    package static func make(rankCount: Int) -> NodeBoard? {
        let descriptor = tandem_memory_file("tandem-board")
        guard descriptor >= 0, ftruncate(descriptor, byteCount(rankCount)) == 0 else { return nil }
        return NodeBoard(descriptor, rankCount: rankCount)
    }

    /// The memory that another process of this node made and keeps open; nil where it can't be had, as between containers.
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

    /// What other ranks open it by: this process and its descriptor.
    package var address: [Int] { [Int(getpid()), Int(descriptor)] }

    /// No rank opens it any more.
    package func closeDescriptor() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
    }

    /// - Parameter place: of the rank on this node.
    func read(_ word: Int, of place: Int) -> Int {
        words[place * NodeBoard.wordCount + word].load(ordering: .acquiring)
    }

    /// Words are seen by others in the order in which they were written.
    func write(_ value: Int, to word: Int, of place: Int) {
        words[place * NodeBoard.wordCount + word].store(value, ordering: .releasing)
    }

    /// Whether the rank at `place` is the one that speaks for its node when something goes wrong: the first that asks.
    func claimWord(_ place: Int) -> Bool {
        let (exchanged, original) = words[rankCount * NodeBoard.wordCount].compareExchange(
            expected: 0, desired: place + 1, ordering: .sequentiallyConsistent)
        return exchanged || original == place + 1
    }

    /// Whether any rank of the node has spoken.
    var isClaimed: Bool { words[rankCount * NodeBoard.wordCount].load(ordering: .acquiring) != 0 }
}
