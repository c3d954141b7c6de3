import Foundation
import Settings
import Testing

@testable import Collectives

/// What a launcher's variables say, judged without a launcher. `CommandTests` start the program under real ones.
@Suite struct LaunchCheckTests {
    /// A folder that looks like `/`, with sockets as Linux lists them: one that listens at port 40000 (0x9C40).
    private func root() throws -> String {
        let root = NSTemporaryDirectory() + "tandem-launch-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/proc/net", withIntermediateDirectories: true)
        let sockets = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:9C40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 273021 1 000000006cfe0619 100 0 0 10 0
               1: 0100007F:9C41 0100007F:D8A1 01 00000000:00000000 00:00000000 00000000     0        0 273022 3 00000000113ea068

            """
        try Data(sockets.utf8).write(to: URL(fileURLWithPath: root + "/proc/net/tcp"))
        return root
    }

    private func failure(_ variables: [String: String]) throws -> Failure? {
        let root = try root()
        defer { try? FileManager.default.removeItem(atPath: root) }
        do { try LaunchCheck(variables, root: root).check() } catch { return error.failure }
        return nil
    }

    private static let rank = ["OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "1", "PMIX_NAMESPACE": "7"]

    @Test(
        "a rank whose server listens is one; a server that does not, or whose folder is gone, has ended",
        arguments: [
            (["PMIX_SERVER_URI41": "7.0;tcp4://127.0.0.1:40000"], true), (["PMIX_SERVER_URI2": "7.0;tcp4://127.0.0.1:40001"], false),
            // Connected, but to nobody who listens.
            (["PMIX_SERVER_URI4": "7.0;tcp4://127.0.0.1:40001", "PMIX_SERVER_TMPDIR": "/"], false),
            (["PMIX_SERVER_URI41": "7.0;tcp6://[::1]:40000"], true), (["PMIX_SERVER_TMPDIR": "/no/such/folder"], false),
            (["PMIX_SERVER_URI41": "7.0;tcp4://127.0.0.1:40000", "PMIX_SERVER_TMPDIR": "/no/such/folder"], true),
            // Of a way to the server that is not known nothing is said.
            (["PMIX_SERVER_URI": "7.0;usock:/tmp/x"], true), ([:], true),
        ])
    func server(variables: [String: String], isThere: Bool) throws {
        let failure = try failure(variables.merging(Self.rank) { $1 })
        #expect((failure == nil) == isThere)
        if let failure { #expect(failure.description.hasPrefix("OMPI_COMM_WORLD_SIZE=2, OMPI_COMM_WORLD_RANK=1, PMIX_RANK=1: belong to a job")) }
    }

    @Test(
        "numbers that contradict each other are refused by name",
        arguments: [
            (["OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "2"], "OMPI_COMM_WORLD_RANK=5: is not below OMPI_COMM_WORLD_SIZE=2"),
            (["OMPI_COMM_WORLD_RANK": "-1", "OMPI_COMM_WORLD_SIZE": "2"], "OMPI_COMM_WORLD_RANK=-1: is not an integer of 0 or more"),
            (["OMPI_COMM_WORLD_RANK": "x", "OMPI_COMM_WORLD_SIZE": "2"], "OMPI_COMM_WORLD_RANK=x: is not an integer of 0 or more"),
            (["OMPI_COMM_WORLD_LOCAL_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "0"], "OMPI_COMM_WORLD_LOCAL_RANK=0: is not below"),
            (["PMIX_RANK": "0"], "the launcher: gave this process a rank but not the number of ranks"),
        ])
    func numbers(variables: [String: String], words: String) throws {
        #expect(try failure(variables)?.description.hasPrefix(words) == true)
    }

    @Test("Slurm's ranks by PMIx are ranks, and so are Open MPI's inside of a step")
    func slurm() throws {
        let step = ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "SLURM_STEP_ID": "0"]
        #expect(try failure(step)?.reason.contains("4 tasks") == true)
        #expect(try failure(step.merging(["PMIX_RANK": "3"]) { $1 }) == nil)
        #expect(try failure(step.merging(Self.rank) { $1 }) == nil)
    }

    @Test("of tasks that meet the same the first one speaks")
    func speaker() throws {
        for (task, isTold) in [("0", false), ("2", true)] {
            let variables = ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": task]
            do throws(LaunchFailure) {
                try LaunchCheck(variables).check()
                Issue.record("not refused")
            } catch {
                #expect(error.isToldByAnother == isTold)
            }
        }
    }
}
