import Foundation
import Tensors

/// This rank's numbers as they are now, for a thread that writes them while steps go on.
///
/// Nothing is copied at first: they change in an optimizer's update only, and until then are read where they lie, a piece
/// at a time. Before they change, `detach` copies the pieces that were not read yet. A state that is written before the next
/// update costs no memory; one that takes longer costs that of its rest.
public final class StateSnapshot: @unchecked Sendable {
    /// Floats of a piece, at most: 4 MiB.
    static let pieceCount = 1 << 20

    let numbers: [SavedNumbers]
    /// Of each piece, where its floats lie, in order; those of the first numbers come first.
    private let pieces: [[UnsafeMutableBufferPointer<Float>]]

    private let lock = NSLock()
    /// Pieces that were read.
    private var taken = 0
    /// What was not read yet when it was detached, piece after piece. One block on huge pages: page by page, first touch would
    /// take longer than copying.
    private var copy: Storage?
    /// Floats of the copy that were read.
    private var copyPlace = 0

    public init(_ numbers: [SavedNumbers]) {
        self.numbers = numbers
        pieces = numbers.flatMap(StateSnapshot.pieces)
    }

    /// Bytes of all numbers.
    public var byteCount: Int { numbers.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride } }

    /// Copies the next piece, one of those that there are, into `buffer`, which has room for `pieceCount` floats. Called by
    /// one thread.
    ///
    /// - Returns: how many floats the piece has.
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

    /// From its return on the numbers may change: what of them was not read yet is copied. A second call does nothing.
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

    /// Whole pieces and a rest: a piece is a chunk of the file.
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
