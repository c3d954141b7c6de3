import CThreads
import Foundation
import Settings
import Synchronization

/// A thread of each rank that notices failures invisible to MPI: a dead rank of its node, the launcher's end, an operation
/// or a step that takes too long. One rank of the node reports the reason and ends; the launcher then ends all others.
///
/// The thread calls no MPI and takes no signals. It starts before any thread is bound to a core, so it may run on every
/// core of the process.
public final class Watchdog: @unchecked Sendable {
    /// Limits in seconds; nil: no limit.
    public struct Limits: Sendable, Equatable {
        public var collective: Double?
        public var step: Double?

        public init(collective: Double? = 1800, step: Double? = nil) {
            self.collective = collective
            self.step = step
        }
    }

    /// The report that listeners get before the process ends.
    public struct Report: Sendable {
        public let failure: Failure
        /// One line for each rank of the node; empty if the lines would add nothing.
        public let details: [String]
        public let stepsDone: Int
    }

    /// This process's watchdog. Set once, before the first operation between ranks.
    nonisolated(unsafe) static var own: Watchdog?

    private let log: OperationLog
    private let launcher = getppid()
    /// Whether a launcher started this process. If so, this process ends with it.
    private let isLaunched: Bool
    /// Counts from 8 to 16 seconds ago, and from the last 8 seconds: older kills do not explain why a rank ends now.
    private var (earlierKills, recentKills) = (MemoryKills.now(), MemoryKills.now())
    private var lastKillsLook = OperationLog.now
    private static let killsMemory = 8_000_000_000
    private static let settings = Mutex(Settings())

    private struct Settings {
        var limits = Limits()
        var hosts = RankHosts()
        /// For each group of this process, its world ranks.
        var members: [Int: [Int]] = [:]
        /// Called in this order for each report.
        var listeners: [@Sendable (Report) -> Void] = []
        var isStopped = false
        /// The user's remedy if a rank is lost or hangs.
        var remedy = "Start it again."
    }

    /// Seconds between two checks of the limits. A rank's death is noticed at once.
    private static let tick = 0.25
    /// Seconds from a rank's end to the report about it.
    private static let settling = 0.1
    /// If all ranks of this node have begun the operation, the watchdog waits this long, in seconds, for a report of
    /// another node.
    private static let grace = 2.0
    /// Seconds after which a rank ends, even if a listener hangs or the reporting rank did not end it.
    private static let patience = 5.0

    private init(_ log: OperationLog, isLaunched: Bool) {
        self.log = log
        self.isLaunched = isLaunched
    }

    // MARK: Settings

    /// Sets the limits of operations and steps from now on.
    public static func set(_ limits: Limits) { settings.withLock { $0.limits = limits } }

    /// Adds a listener. It is called with the report on the watchdog's thread before the process ends; earlier listeners
    /// come first.
    public static func listen(_ listener: @escaping @Sendable (Report) -> Void) {
        settings.withLock { $0.listeners.append(listener) }
    }

    /// Starts a watchdog in a process without MPI, to limit its steps.
    ///
    /// - Throws: `Failure` (try again) if the system refuses a thread.
    public static func startAlone() throws(Failure) {
        guard OperationLog.own == nil, let board = NodeBoard.make(rankCount: 1) else { return }
        board.closeDescriptor()
        try start(OperationLog(board, place: 0, rank: 0, process: Int(getpid())), isLaunched: false)
    }

    package static func start(_ log: OperationLog, isLaunched: Bool) throws(Failure) {
        OperationLog.own = log
        let watchdog = Watchdog(log, isLaunched: isLaunched)
        own = watchdog
        try watchdog.startThread()
    }

    /// Sets the remedy that a user reads if a rank is lost or hangs.
    public static func know(remedy: String) { settings.withLock { $0.remedy = remedy } }

    static var remedy: String { settings.withLock { $0.remedy } }

    package static func know(hosts: [String]) { settings.withLock { $0.hosts.names = hosts } }

    package static func know(members: [Int], ofGroup identity: Int) { settings.withLock { $0.members[identity] = members } }

    /// This rank ends normally: the watchdog stops.
    package static func stop() { settings.withLock { $0.isStopped = true } }

    /// Ends this rank at once, from any thread, with its line and the run's status, as after the death of another rank.
    /// Returns if no watchdog runs.
    public static func end(_ failure: Failure) {
        guard let own else { return }
        own.end(
            failure, details: [],
            stepsDone: OperationLog.record(own.log.board, place: own.log.place)?.activity.stepsDone ?? 0)
    }

    /// Whether this rank reports for its node why the ranks end: true for the first rank that asks. From now on the end of
    /// this rank counts as normal.
    public static func claimWord() -> Bool {
        guard let log = OperationLog.own else { return true }
        log.end()
        return log.board.claimWord(log.place)
    }

    /// The mismatch that made this rank's operation fail, if the ranks' records show one.
    package static func mismatch() -> Failure? {
        guard let own, let record = OperationLog.record(own.log.board, place: own.log.place) else { return nil }
        return own.diagnosis().mismatchFailure(of: record.rank)
    }

    /// Reports to the listeners before ranks can read each other's records.
    package static func tell(_ failure: Failure) {
        for listener in settings.withLock({ $0.listeners }) { listener(Report(failure: failure, details: [], stepsDone: 0)) }
    }

    package static var limits: Limits { settings.withLock { $0.limits } }

    // MARK: The thread

    private func startThread() throws(Failure) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        // A new thread inherits the signal mask of its creator, so this thread never gets a signal.
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Watchdog>.fromOpaque(raw!).takeRetainedValue().watch()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard status == 0 else {
            throw Failure(
                "threads", "the system refuses a new thread (\(String(cString: strerror(status))))",
                remedy: "Raise the limit of processes (ulimit -u, or the job's) or of memory (ulimit -v).", exitCode: .tryAgain)
        }
        pthread_detach(thread)
    }

    /// A process that must not end before this one, and its descriptor.
    private struct Watched {
        let descriptor: Int32
        /// The rank's index on the node; nil: the launcher.
        let place: Int?
    }

    private func watch() {
        var watched: [Watched] = []
        var isWatched = [Bool](repeating: false, count: log.board.rankCount)
        isWatched[log.place] = true
        var timer = LimitTimer()
        if isLaunched {
            let descriptor = tandem_process_descriptor(launcher)
            if descriptor >= 0 { watched.append(Watched(descriptor: descriptor, place: nil)) }
        }
        while !Watchdog.settings.withLock({ $0.isStopped }) {
            for place in isWatched.indices where !isWatched[place] {
                guard let record = OperationLog.record(log.board, place: place) else { continue }
                isWatched[place] = true
                let descriptor = tandem_process_descriptor(record.process)
                if descriptor >= 0 { watched.append(Watched(descriptor: descriptor, place: place)) }
            }
            var descriptors = watched.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            poll(&descriptors, nfds_t(descriptors.count), Int32(Watchdog.tick * 1000))
            for index in descriptors.indices.reversed() where descriptors[index].revents != 0 {
                hasEnded(watched.remove(at: index))
            }
            if isLaunched && launcher != getppid() { launcherHasEnded() }
            if log.board.isClaimed { awaitEnd() }
            checkLimits(&timer)
            if OperationLog.now - lastKillsLook > Watchdog.killsMemory {
                (earlierKills, recentKills, lastKillsLook) = (recentKills, MemoryKills.now(), OperationLog.now)
            }
        }
    }

    private func checkLimits(_ timer: inout LimitTimer) {
        guard let record = OperationLog.record(log.board, place: log.place) else { return }
        let limits = Watchdog.settings.withLock { $0.limits }
        guard let passed = timer.passed(limits, record, now: Double(OperationLog.now) * 1e-9) else { return }
        var diagnosis = diagnosis()
        var waiting = diagnosis.waitingRank(for: record.rank)
        var cause = diagnosis.cause(of: waiting)
        if case .elsewhere = cause {
            usleep(UInt32(Watchdog.grace * 1e6))
            diagnosis = self.diagnosis()
            waiting = diagnosis.waitingRank(for: record.rank)
            cause = diagnosis.cause(of: waiting)
        }
        // The operation may have ended in the last moment: only an operation that still runs is reported.
        guard OperationLog.record(log.board, place: log.place)?.operations.first == record.operations.first || passed.isOfStep
        else { return }
        end(
            diagnosis.failure(cause, of: waiting, limit: passed.words), details: diagnosis.table(),
            stepsDone: record.activity.stepsDone)
    }

    private func diagnosis() -> HangDiagnosis {
        let (hosts, members) = Watchdog.settings.withLock { ($0.hosts, $0.members) }
        let records = (0..<log.board.rankCount).compactMap { place -> RankRecord? in
            guard var record = OperationLog.record(log.board, place: place) else { return nil }
            let state = ProcessState.of(record.process)
            // A rank that ended normally keeps nobody waiting.
            if case .dead = state, record.isEnded { return record }
            record.state = state
            return record
        }
        return HangDiagnosis(
            records: records.sorted { $0.rank < $1.rank }, hosts: hosts, members: members, now: OperationLog.now)
    }

    // MARK: Processes that end

    private func hasEnded(_ watched: Watched) {
        close(watched.descriptor)
        guard let place = watched.place else { return launcherHasEnded() }
        guard let record = OperationLog.record(log.board, place: place), !record.isEnded else { return }
        let state = ProcessState.of(record.process)
        // If the launcher ends all ranks, it ends this rank in this pause, before another rank's end is reported as the
        // cause.
        usleep(UInt32(Watchdog.settling * 1e6))
        guard !Watchdog.settings.withLock({ $0.isStopped }), !log.board.isClaimed else { return }
        let hosts = Watchdog.settings.withLock { $0.hosts }
        var reason: String
        var mayBeForMemory = true
        if case .dead(let how?) = state {
            switch how {
            case .signal(let number):
                reason = "was killed by \(ProcessState.signalName(number))"
                mayBeForMemory = number == SIGKILL
            case .code(let code):
                reason = "ended with exit code \(code) without a word"
                mayBeForMemory = false
            }
        } else {
            reason = "was killed, or ended without a word"
        }
        reason += ", \(record.activity.stage == .training ? "in " : "")\(record.activity.words)"
        if mayBeForMemory && MemoryKills.now().hasGrown(since: earlierKills) { reason += ". The kernel has ended a process here for lack of memory" }
        end(
            Failure(
                "rank \(record.rank) (\(hosts[record.rank]))", reason, remedy: Watchdog.remedy, exitCode: .tryAgain),
            details: [], stepsDone: record.activity.stepsDone)
    }

    private func launcherHasEnded() {
        guard !Watchdog.settings.withLock({ $0.isStopped }) else { return }
        end(
            Failure(
                "launcher (process \(launcher) on \(ProcessInfo.processInfo.hostName))", "has ended before its ranks",
                remedy: Watchdog.remedy, exitCode: .tryAgain), details: [],
            stepsDone: OperationLog.record(log.board, place: log.place)?.activity.stepsDone ?? 0)
    }

    // MARK: The end

    private func end(_ failure: Failure, details: [String], stepsDone: Int) {
        guard log.board.claimWord(log.place) else { return awaitEnd() }
        log.end()
        // The process ends even if a listener hangs on a file system or a full pipe.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: Watchdog.patience)
            _exit(failure.exitCode.rawValue)
        }
        let report = Report(failure: failure, details: details, stepsDone: stepsDone)
        for listener in Watchdog.settings.withLock({ $0.listeners }) { listener(report) }
        _exit(failure.exitCode.rawValue)
    }

    /// Another rank, or this rank's main thread, reports the reason and ends. The launcher then ends this rank.
    private func awaitEnd() {
        let deadline = OperationLog.now + Int(Watchdog.patience * 1e9)
        while OperationLog.now < deadline {
            if Watchdog.settings.withLock({ $0.isStopped }) || getppid() != launcher { break }
            usleep(50_000)
        }
        _exit(ExitCode.tryAgain.rawValue)
    }
}
