import Dispatch
import Settings
import Synchronization

/// Lines of one input that are read together and judged on all cores.
struct LineBatch: Sendable {
    private let path: String
    private let firstLine: Int
    private var bytes: [UInt8] = []
    /// Where each line ends in `bytes`.
    private var ends: [Int] = []
    /// Why reading stopped. An error in a line before it is reported first.
    private(set) var readFailure: Failure?

    /// Large enough to keep every core busy, small enough for memory: results are about as large as the lines.
    private static let byteCount = 4 << 20
    private static let lineCount = 1 << 14
    /// Lines that a core takes at once.
    private static let stretch = 64

    var count: Int { ends.count }
    var isEmpty: Bool { ends.isEmpty }
    var first: ArraySlice<UInt8> { line(0) }

    /// Reads the next lines of `reader`; no lines at the end of the file.
    init(from reader: inout LineReader, path: String) {
        self.path = path
        firstLine = reader.lineNumber + 1
        do throws(Failure) {
            while bytes.count < LineBatch.byteCount, ends.count < LineBatch.lineCount {
                guard let line = try reader.next() else { return }
                bytes += line
                ends.append(bytes.count)
            }
        } catch {
            readFailure = error
        }
    }

    func line(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// The file and the number of a line, for errors.
    func place(of index: Int) -> String { "\(path):\(firstLine + index)" }

    /// The results of the lines in order, up to the first refused line. `failure` is the refused line's, or else the reader's.
    func judged(by judge: LineJudge) -> (lines: [JudgedLine], failure: Failure?) {
        let stretches = (count + LineBatch.stretch - 1) / LineBatch.stretch
        let results = Mutex([(lines: [JudgedLine], failure: Failure?)?](repeating: nil, count: stretches))
        DispatchQueue.concurrentPerform(iterations: stretches) { stretch in
            let begin = stretch * LineBatch.stretch
            let result = judged(begin..<min(begin + LineBatch.stretch, count), by: judge)
            results.withLock { $0[stretch] = result }
        }
        var lines: [JudgedLine] = []
        lines.reserveCapacity(count)
        for result in results.withLock({ $0 }) {
            lines += result!.lines
            if let failure = result!.failure { return (lines, failure) }
        }
        return (lines, readFailure)
    }

    private func judged(_ range: Range<Int>, by judge: LineJudge) -> (lines: [JudgedLine], failure: Failure?) {
        var lines: [JudgedLine] = []
        for index in range {
            do throws(RecordError) { lines.append(try judge.judge(line(index))) } catch {
                return (lines, error.failure(at: place(of: index)))
            }
        }
        return (lines, nil)
    }
}
