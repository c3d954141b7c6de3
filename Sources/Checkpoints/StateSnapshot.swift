import Foundation
import Tensors

/// A snapshot of this rank's numbers, for a thread that writes them while steps continue.
///
/// At first nothing is copied. The numbers change only in an optimizer's update. Until then they are read in place, a piece at
/// a time. Before the update, `detach` copies the pieces that were not read yet. So a save that ends before the next update
/// takes no memory, and a longer save takes memory for the rest of its pieces.
public final class StateSnapshot: @unchecked Sendable {
    /// The most floats in a piece: 4 MiB.
    static let pieceCount = 1 << 20

    let numbers: [SavedNumbers]
    /// The places of each piece's floats, in the order of `numbers`.
    private let pieces: [[UnsafeMutableBufferPointer<Float>]]

    private let lock = NSLock()
    /// The number of pieces that were read.
    private var taken = 0
    /// The pieces that were not read before `detach`, one after the other. One block on huge pages, because the first touch of
    /// small pages would take longer than the copy.
    private var copy: Storage?
    /// The number of floats of the copy that were read.
    private var copyPlace = 0

    public init(_ numbers: [SavedNumbers]) {
        self.numbers = numbers
        pieces = numbers.flatMap(StateSnapshot.pieces)
    }

    /// Bytes of all numbers.
    public var byteCount: Int { numbers.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride } }

    /// Copies the next piece into `buffer`, which has room for `pieceCount` floats. There must be a next piece. Called by one
    /// thread.
    ///
    /// - Returns: the number of floats in the piece.
    func next(into buffer: UnsafeMutablePointer<Float>) -> Int {
        lock.lock()
        defer { lock.unlock() }
        let piece = pieces[taken]
        let count = StateSnapshot.count(of: piece)
        if let copy {
            buffer.update(from: copy.base.assumingMemoryBound(to: Float.self) + copyPlace, count: count)
            copyPlace += count
        } else {
            StateSnapshot.copy(piece, to: buffer)
        }
        taken += 1
        return count
    }

    /// Copies the pieces that were not read yet. After this call the numbers may change. A second call does nothing.
    public func detach() {
        lock.lock()
        defer { lock.unlock() }
        guard copy == nil, taken < pieces.count else { return }
        let rest = pieces[taken...]
        let copy = Storage(floatCount: rest.reduce(0) { $0 + StateSnapshot.count(of: $1) })
        var place = copy.base.assumingMemoryBound(to: Float.self)
        for piece in rest {
            StateSnapshot.copy(piece, to: place)
            place += StateSnapshot.count(of: piece)
        }
        self.copy = copy
    }

    private static func count(of piece: [UnsafeMutableBufferPointer<Float>]) -> Int { piece.reduce(0) { $0 + $1.count } }

    private static func copy(_ piece: [UnsafeMutableBufferPointer<Float>], to buffer: UnsafeMutablePointer<Float>) {
        var place = buffer
        for run in piece {
            place.update(from: run.baseAddress!, count: run.count)
            place += run.count
        }
    }

    /// Splits numbers into full pieces and a rest. A piece is a chunk of the file.
    private static func pieces(of numbers: SavedNumbers) -> [[UnsafeMutableBufferPointer<Float>]] {
        var pieces: [[UnsafeMutableBufferPointer<Float>]] = []
        var runs: [UnsafeMutableBufferPointer<Float>] = []
        var room = pieceCount
        for range in numbers.ranges {
            var start = range.lowerBound
            while start < range.upperBound {
                let count = min(room, range.upperBound - start)
                runs.append(UnsafeMutableBufferPointer(start: numbers.block.pointer + start, count: count))
                start += count
                room -= count
                guard room == 0 else { continue }
                pieces.append(runs)
                (runs, room) = ([], pieceCount)
            }
        }
        return runs.isEmpty ? pieces : pieces + [runs]
    }
}
