import Foundation
import Testing

@testable import Runs
@testable import Stepping
@testable import Training

@Suite struct TimeLimitTests {
    /// A checkpoint of 400 MB takes 2 s at the cautious rate; ending takes another second.
    private func limit() -> TimeLimit { TimeLimit(seconds: 100, start: 1000, checkpointByteCount: 400_000_000) }

    @Test("a checkpoint's time is estimated by its size, until one was saved")
    func estimate() {
        var limit = limit()
        #expect(!limit.mustSave(at: 1096.9) && limit.mustSave(at: 1097))
        limit.addSave(seconds: 9)
        #expect(!limit.mustSave(at: 1089.9) && limit.mustSave(at: 1090))
        limit.addSave(seconds: 4)
        #expect(limit.mustSave(at: 1090), "the longest counts")
    }

    @Test("the longest of the latest steps is kept in reserve before another one begins")
    func steps() {
        var limit = limit()
        for seconds in [20, 5, 7] as [Double] { limit.addStep(seconds: seconds) }
        #expect(!limit.isReached(at: 1076.9) && limit.isReached(at: 1077))
        for _ in 0..<20 { limit.addStep(seconds: 5) }
        #expect(!limit.isReached(at: 1091.9) && limit.isReached(at: 1092), "an old step is forgotten")
    }

    @Test("time is read off the monotonic clock, which no setting of the system's time moves")
    func clock() {
        func monotonic() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        let before = monotonic()
        let read = Stopwatch.now
        #expect(before - 1e-6 <= read && read <= monotonic() + 1e-6)
    }

    @Test("of two reasons to stop the ranks go by the signal, and reasons survive the way between ranks")
    func reasons() {
        #expect(StopReason.signal(SIGINT).code > StopReason.timeLimit.code && StopReason.timeLimit.code > 0)
        for reason in [StopReason.timeLimit, .signal(SIGUSR1), .signal(SIGTERM)] { #expect(StopReason(code: reason.code) == reason) }
        #expect(StopReason(code: 0) == nil)
    }
}
