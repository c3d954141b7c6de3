import CThreads
import Foundation
import Settings
import Synchronization

/// The threads of one rank: a pool that runs the independent tasks of one kernel and then waits for all of them.
///
/// A kernel is cut into tasks by its shape alone, never by the number of threads, so the bits of every result are the
/// same for any thread count. Only the thread that made the pool may call `run`.
public final class Workers: @unchecked Sendable {
    public let threadCount: Int

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let generation = Atomic<Int>(0)
    private let nextTask = Atomic<Int>(0)
    private let busyHelpers = Atomic<Int>(0)
    private var taskCount = 0
    private var body: ((_ task: Int, _ thread: Int) -> Void)?
    private var stopping = false
    private var threads: [pthread_t] = []
    private let cores: [Int]

    /// The calling thread calls this after each of its tasks and while it waits for other threads, because communication
    /// makes progress only inside such calls. It must be short, must not call `run`, and must not touch data of the tasks.
    public var meanwhile: (() -> Void)?

    /// How often a thread checks for the next job, or for the end of the other threads, before it sleeps. On a core of its
    /// own it checks for about a millisecond, because waking up takes longer than many kernels. Otherwise it checks briefly,
    /// because other threads need the core.
    private let spinLimit: Int

    /// The system refused to start a thread: the limit on the processes of the user, or of the job, is reached.
    public struct ThreadRefused: Error {
        /// How many threads of the pool run, the calling thread included.
        public let started: Int
        /// The system's error message.
        public let reason: String
    }

    /// As `init(starting:cores:)`, but a refused thread ends the process.
    public convenience init(threadCount: Int, cores: [Int] = []) {
        do { try self.init(starting: threadCount, cores: cores) } catch { brokenInvariant("the system refused a worker thread") }
    }

    /// - Parameter cores: one core for each thread, the calling thread's core first. Each thread stays bound to its core.
    ///   Empty: the system places the threads, sometimes badly. Two threads of a pool have shared a core for seconds while
    ///   another core was idle.
    /// - Throws: `ThreadRefused` when the system refuses to start a thread.
    public init(starting threadCount: Int, cores: [Int] = []) throws(ThreadRefused) {
        invariant(threadCount >= 1 && (cores.isEmpty || cores.count == threadCount), "a pool has threads, and one core per thread or none")
        self.threadCount = threadCount
        self.cores = cores
        spinLimit = cores.isEmpty ? 500 : 50_000
        if let own = cores.first { Workers.bindThread(to: own) }
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wake, nil)
        pthread_cond_init(done, nil)
        for index in 1..<max(threadCount, 1) {
            let argument = Unmanaged.passRetained(HelperStart(workers: Unmanaged.passUnretained(self), index: index))
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { raw in
                    let start = Unmanaged<HelperStart>.fromOpaque(raw!).takeRetainedValue()
                    start.workers._withUnsafeGuaranteedRef { $0.help(thread: start.index) }
                    return nil
                }, argument.toOpaque())
            guard status == 0 else {
                argument.release()
                throw ThreadRefused(started: index, reason: String(cString: strerror(status)))
            }
            threads.append(thread)
        }
    }

    deinit {
        pthread_mutex_lock(mutex)
        stopping = true
        generation.add(1, ordering: .sequentiallyConsistent)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(wake)
        pthread_cond_destroy(done)
        mutex.deallocate()
        wake.deallocate()
        done.deallocate()
    }

    /// Runs `body(task, thread)` for every task in `0..<taskCount`, each once, and returns when all are done.
    ///
    /// `thread` (below `threadCount`) picks scratch memory; results must not depend on it.
    public func run(_ taskCount: Int, _ body: (_ task: Int, _ thread: Int) -> Void) {
        guard taskCount > 1, threadCount > 1 else {
            for task in 0..<taskCount {
                body(task, 0)
                meanwhile?()
            }
            return
        }
        withoutActuallyEscaping(body) { escaping in
            pthread_mutex_lock(mutex)
            self.body = escaping
            self.taskCount = taskCount
            nextTask.store(0, ordering: .relaxed)
            busyHelpers.store(threadCount - 1, ordering: .relaxed)
            generation.add(1, ordering: .sequentiallyConsistent)
            pthread_cond_broadcast(wake)
            pthread_mutex_unlock(mutex)
            takeTasks(thread: 0)
            waitForHelpers()
            self.body = nil
        }
    }

    private func takeTasks(thread: Int) {
        while true {
            let task = nextTask.add(1, ordering: .relaxed).oldValue
            guard task < taskCount else { return }
            body!(task, thread)
            if thread == 0 { meanwhile?() }
        }
    }

    private func waitForHelpers() {
        for spin in 0..<spinLimit {
            if busyHelpers.load(ordering: .acquiring) == 0 { return }
            if spin % 512 == 511 { meanwhile?() }
            tandem_pause()
        }
        pthread_mutex_lock(mutex)
        while busyHelpers.load(ordering: .acquiring) != 0 { pthread_cond_wait(done, mutex) }
        pthread_mutex_unlock(mutex)
    }

    private func help(thread: Int) {
        if !cores.isEmpty { Workers.bindThread(to: cores[thread]) }
        var seen = 0
        while true {
            var spins = 0
            while generation.load(ordering: .acquiring) == seen && spins < spinLimit {
                spins += 1
                tandem_pause()
            }
            pthread_mutex_lock(mutex)
            while generation.load(ordering: .acquiring) == seen { pthread_cond_wait(wake, mutex) }
            seen = generation.load(ordering: .acquiring)
            let stop = stopping
            pthread_mutex_unlock(mutex)
            if stop { return }
            takeTasks(thread: thread)
            pthread_mutex_lock(mutex)
            if busyHelpers.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { pthread_cond_signal(done) }
            pthread_mutex_unlock(mutex)
        }
    }
}

extension Workers {
    /// Binds the calling thread to `core`. If the system refuses, nothing changes.
    private static func bindThread(to core: Int) {
        _ = tandem_bind_thread(Int32(core))
    }
}

private final class HelperStart {
    let workers: Unmanaged<Workers>
    let index: Int

    init(workers: Unmanaged<Workers>, index: Int) {
        self.workers = workers
        self.index = index
    }
}
