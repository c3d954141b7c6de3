import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct WorkersTests {
    @Test("a thread that the system refuses is told, with those that had started, which end")
    func refused() async {
        await #expect(processExitsWith: .success) {
            // Address space for the stacks of some threads, not for those of thousands.
            let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
            let room = rlim_t(Int(pages)! * Int(getpagesize()) + 1 << 30)
            var limit = rlimit(rlim_cur: room, rlim_max: room)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
            let refusal = #expect(throws: Workers.ThreadRefused.self) { try Workers(starting: 100_000) }
            #expect(refusal.map { (1..<100_000).contains($0.started) && !$0.reason.isEmpty } == true)
        }
    }

    @Test("every task runs once, on a thread of the pool", arguments: [1, 2, 3, 5], [0, 1, 2, 7, 64, 1000])
    func everyTaskOnce(threadCount: Int, taskCount: Int) {
        // Each thread counts in a row of its own, so a task that ran twice shows on any two threads.
        let counts = Matrix(rowCount: threadCount, columnCount: max(taskCount, 1))
        let isFinished = finishes {
            let workers = makeWorkers(threadCount)
            for _ in 0..<20 { workers.run(taskCount) { task, thread in counts[thread, task] += 1 } }
        }
        #expect(isFinished)
        let totals = (0..<taskCount).map { task in (0..<threadCount).reduce(0) { $0 + counts[$1, task] } }
        #expect(totals == [Float](repeating: 20, count: taskCount))
    }

    @Test("tasks are done when run returns", arguments: [2, 3, 5])
    func doneOnReturn(threadCount: Int) {
        let marks = Matrix(rowCount: 20, columnCount: 8)
        let seen = Matrix(rowCount: 20, columnCount: 8)
        let isFinished = finishes {
            let workers = makeWorkers(threadCount)
            for round in 0..<20 {
                workers.run(8) { task, _ in
                    usleep(UInt32(100 * (task % 3)))
                    marks[round, task] = 1
                }
                seen.rows(round..<(round + 1)).copy(from: marks.rows(round..<(round + 1)))
            }
        }
        #expect(isFinished)
        #expect(seen.values.allSatisfy { $0 == 1 })
    }

    @Test("ten thousand small runs end", arguments: [2, 3, 5])
    func manySmallRuns(threadCount: Int) {
        let counts = Matrix(rowCount: threadCount, columnCount: 16)
        let isFinished = finishes {
            let workers = makeWorkers(threadCount)
            for round in 0..<10_000 {
                workers.run(2 + round % 3) { task, thread in counts[thread, task] += 1 }
            }
        }
        #expect(isFinished)
        let taskCount = (0..<10_000).reduce(0) { total, round in total + 2 + round % 3 }
        #expect(Int(counts.values.reduce(0, +)) == taskCount)
    }

    @Test("helpers that have gone to sleep wake again")
    func sleepingHelpers() {
        let counts = Matrix(rowCount: 3, columnCount: 4)
        let isFinished = finishes {
            let workers = makeWorkers(3)
            for _ in 0..<50 {
                usleep(2000)
                workers.run(4) { task, thread in counts[thread, task] += 1 }
            }
        }
        #expect(isFinished)
        #expect(counts.values.reduce(0, +) == 200)
    }

    @Test("a caller that has gone to sleep waits for a helper's long task")
    func longTask() {
        let marks = Matrix(rowCount: 10, columnCount: 2)
        let isFinished = finishes {
            let workers = makeWorkers(2)
            for round in 0..<10 {
                workers.run(2) { task, thread in
                    usleep(thread == 0 ? 100 : 5000)
                    marks[round, task] = 1
                }
            }
        }
        #expect(isFinished)
        #expect(marks.values.reduce(0, +) == 20)
    }

    @Test("pools that never worked, or just did, can be let go")
    func shortLives() {
        let marks = Matrix(rowCount: 200, columnCount: 5)
        let isFinished = finishes {
            for index in 0..<200 {
                let workers = makeWorkers(3)
                if index % 2 == 0 { workers.run(5) { task, _ in marks[index, task] = 1 } }
            }
        }
        #expect(isFinished)
        #expect(marks.values.reduce(0, +) == 500)
    }

    /// Whether `body` ends within 20 seconds, on a thread of its own: one that hangs must not take the test with it.
    private func finishes(_ body: @escaping @Sendable () -> Void) -> Bool {
        let end = DispatchSemaphore(value: 0)
        Thread {
            body()
            end.signal()
        }.start()
        return end.wait(timeout: .now() + 20) == .success
    }
}

@Suite struct TilesTests {
    @Test("tiles cover every item once, in order, within the limit", arguments: [16, 32, 64, 128, 256, 2048])
    func coverage(limit: Int) {
        for count in 0...2000 {
            let tiles = Tiles(count, limit: limit)
            var next = 0
            var isOrdered = true
            for tile in 0..<tiles.tileCount {
                let range = tiles[tile]
                if range.lowerBound != next || range.isEmpty || range.count > limit { isOrdered = false }
                next = range.upperBound
            }
            #expect(isOrdered && next == count, "\(count) items, limit \(limit)")
        }
    }

    @Test("tiles are nearly equal: none but the last differs, and no more are made than the limit asks for")
    func balance() {
        for count in [1, 17, 255, 256, 257, 512, 513, 600, 2000] {
            let tiles = Tiles(count, limit: 256)
            let sizes = (0..<tiles.tileCount).map { tiles[$0].count }
            #expect(Set(sizes.dropLast()).count <= 1)
            #expect(tiles.tileCount <= (count + 255) / 256)
        }
    }
}
