import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct WorkersTests {
    @Test("every task runs once, on a thread of the pool", arguments: [1, 2, 3, 5], [0, 1, 2, 7, 64, 1000])
    func everyTaskOnce(threadCount: Int, taskCount: Int) {
        let workers = makeWorkers(threadCount)
        for _ in 0..<20 {
            // Each thread counts in a row of its own, so a task that ran twice shows on any two threads.
            let counts = Matrix(rowCount: threadCount, columnCount: max(taskCount, 1))
            workers.run(taskCount) { task, thread in counts[thread, task] += 1 }
            let totals = (0..<taskCount).map { task in (0..<threadCount).reduce(0) { $0 + counts[$1, task] } }
            #expect(totals.allSatisfy { $0 == 1 })
            #expect(totals.count == taskCount)
        }
    }

    @Test("tasks are done when run returns", arguments: [2, 3, 5])
    func doneOnReturn(threadCount: Int) {
        let workers = makeWorkers(threadCount)
        for round in 0..<20 {
            let marks = Matrix(rowCount: 1, columnCount: 8)
            workers.run(8) { task, _ in
                usleep(UInt32(100 * (task % 3)))
                marks[0, task] = Float(round + 1)
            }
            #expect(marks.values.allSatisfy { $0 == Float(round + 1) })
        }
    }

    @Test("ten thousand small runs end", .timeLimit(.minutes(1)), arguments: [2, 3, 5])
    func manySmallRuns(threadCount: Int) {
        let workers = makeWorkers(threadCount)
        let counts = Matrix(rowCount: threadCount, columnCount: 16)
        for round in 0..<10_000 {
            workers.run(2 + round % 3) { task, thread in counts[thread, task] += 1 }
        }
        let total = counts.values.reduce(0) { $0 + Int($1) }
        #expect(total == (0..<10_000).reduce(0) { $0 + 2 + $1 % 3 })
    }

    @Test("helpers that have gone to sleep wake again", .timeLimit(.minutes(1)))
    func sleepingHelpers() {
        let workers = makeWorkers(3)
        let counts = Matrix(rowCount: 3, columnCount: 4)
        for _ in 0..<50 {
            usleep(2000)
            workers.run(4) { task, thread in counts[thread, task] += 1 }
        }
        #expect(counts.values.reduce(0, +) == 200)
    }

    @Test("a long task is waited for by a sleeping caller", .timeLimit(.minutes(1)))
    func longTask() {
        let workers = makeWorkers(2)
        let marks = Matrix(rowCount: 1, columnCount: 2)
        for _ in 0..<10 {
            marks.fill(0)
            workers.run(2) { task, thread in
                usleep(thread == 0 ? 100 : 5000)
                marks[0, task] = 1
            }
            #expect(marks.values == [1, 1])
        }
    }

    @Test("pools that never worked, or just did, can be let go", .timeLimit(.minutes(1)))
    func shortLives() {
        var total = 0
        for index in 0..<200 {
            let workers = makeWorkers(3)
            guard index % 2 == 0 else { continue }
            let marks = Matrix(rowCount: 1, columnCount: 5)
            workers.run(5) { task, _ in marks[0, task] = 1 }
            total += Int(marks.values.reduce(0, +))
        }
        #expect(total == 500)
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
