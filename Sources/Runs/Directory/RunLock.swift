import Collectives
import Files
import Foundation
import Settings

/// An advisory lock on `RUN/lock`: the run's folder belongs to this process alone. The system releases the lock when the
/// process ends in any way, so the file of a dead run blocks nobody.
package final class RunLock {
    /// The outcome of an attempt to lock.
    enum Outcome {
        case held(RunLock)
        /// The file system has no locks. Carries the system's reason.
        case unsupported(String)
    }

    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock of `directory`, which must exist.
    ///
    /// - Throws: `Failure`: try again if another process holds it, input/output if the file can't be written.
    static func take(in directory: String) throws(Failure) -> Outcome {
        let path = directory + "/lock"
        // `O_NOFOLLOW`: a link could make the run write into any file.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else {
            throw .inputOutput(
                path, "can't be written (\(String(cString: strerror(errno))))", remedy: "Check the path, its permissions and the free space.")
        }
        do throws(Failure) { try checkIsLock(descriptor, path) } catch {
            close(descriptor)
            throw error
        }
        // Ranks of another run that starts may hold the lock for an instant.
        for attempt in 0..<20 {
            switch FileLock.take(descriptor) {
            case .free:
                let lock = RunLock(descriptor)
                try lock.sign(path)
                return .held(lock)
            case .unsupported(let reason):
                close(descriptor)
                return .unsupported(reason)
            case .taken: if attempt < 19 { usleep(50_000) }
            }
        }
        defer { close(descriptor) }
        throw taken(directory)
    }

    /// Refuses a directory whose lock another process holds. Writes nothing.
    static func checkFree(_ directory: String) throws(Failure) {
        let path = directory + "/lock"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard errno == ELOOP else { return }
            throw .configuration(path, "is a symbolic link, which is not followed", remedy: "Remove it, or choose another directory.")
        }
        defer { close(descriptor) }
        try checkIsLock(descriptor, path)
        guard FileLock.look(descriptor) == .taken else { return }
        throw taken(directory)
    }

    /// The holder of `directory`, as far as this host can see.
    static func holder(of directory: String) -> RunDirectory.Holder {
        do throws(Failure) { try checkFree(directory) } catch {
            return error.exitCode == .tryAgain ? .process(signature(directory)) : .nobody
        }
        return .nobody
    }

    /// Refuses a file that no run wrote, because taking the lock writes into it.
    private static func checkIsLock(_ descriptor: Int32, _ path: String) throws(Failure) {
        var status = stat()
        var beginning = [UInt8](repeating: 0, count: mark.utf8.count)
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG,
            status.st_size == 0 || (pread(descriptor, &beginning, beginning.count, 0) > 0 && beginning == Array(mark.utf8))
        else {
            throw .configuration(path, "is not a run's lock", remedy: "Remove it, or choose another directory.")
        }
    }

    /// Every lock file begins with this mark.
    private static let mark = "process "

    /// The text that the current or last holder wrote into the lock; empty if there is none.
    private static func signature(_ directory: String) -> String {
        let text = FileManager.default.contents(atPath: directory + "/lock").map { String(decoding: $0.prefix(300), as: UTF8.self) }
        return text.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? ""
    }

    private static func taken(_ directory: String) -> Failure {
        let holder = signature(directory)
        return Failure(
            "run.directory = \(directory)", "is in use by another run\(holder.isEmpty ? "" : " (\(holder))")",
            remedy: "Wait for its end or stop it, or choose another directory.", exitCode: .tryAgain)
    }

    /// Writes into the lock who holds it.
    private func sign(_ path: String) throws(Failure) {
        let since = Date().iso8601
        let text = Array("\(RunLock.mark)\(getpid()) on \(MPIEnvironment.hostName) since \(since)\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            throw .inputOutput(
                path, "can't be written (\(String(cString: strerror(errno))))", remedy: "Check the free space.")
        }
    }
}
