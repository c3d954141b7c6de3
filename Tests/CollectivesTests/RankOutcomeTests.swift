import Settings
import Testing

@testable import Collectives

@Suite("How ranks' work ended")
struct RankOutcomeTests {
    private static let missing = Failure.missing("pairs.h5", "can't be found", remedy: "Check the path.")
    private static let damaged = Failure.damaged("policy", "is damaged", remedy: "Copy it.")

    private func verdict(_ outcomes: (host: String, failure: Failure?)...) -> Failure? {
        RankOutcome.verdict(outcomes.map { RankOutcome(host: $0.host, failure: $0.failure) })
    }

    @Test("where all succeed there is no failure")
    func success() { #expect(verdict(("a", nil), ("b", nil)) == nil) }

    @Test("a mistake of all ranks is told as it is, though numbers in it differ")
    func common() {
        let other = Failure.missing("pairs.h5", "can't be found here either", remedy: "Check the path.")
        #expect(verdict(("a", Self.missing), ("b", other)) == Self.missing)
    }

    @Test("a mistake of some nodes names them, each once, and keeps its exit code")
    func named() {
        let failure = verdict(("a", nil), ("b", Self.missing), ("b", Self.missing), ("c", Self.missing))
        #expect(failure == .missing("b and c: pairs.h5", "can't be found", remedy: "Check the path."))
    }

    @Test("of different mistakes the lowest rank's is told, with its hosts only")
    func several() {
        #expect(verdict(("a", nil), ("b", Self.damaged), ("c", Self.missing))?.place == "b: policy")
    }

    @Test("on one host no host is named")
    func oneHost() { #expect(verdict(("a", nil), ("a", Self.missing)) == Self.missing) }

    @Test("many hosts are counted")
    func many() {
        #expect(HostList(["a", "b", "c"]).description == "a, b and c")
        #expect(HostList(["a", "b", "a", "c", "d"]).description == "a, b and 2 more hosts")
    }
}

@Suite("What launchers say of a process")
struct LaunchTests {
    @Test("a task of srun knows its node's tasks")
    func slurm() {
        var environment = [
            "PMIX_RANK": "9", "SLURM_NTASKS": "12", "SLURM_STEP_NUM_TASKS": "11", "SLURM_LOCALID": "1", "SLURM_NODEID": "2",
            "SLURM_STEP_TASKS_PER_NODE": "4(x2),3",
        ]
        let launch = MPIEnvironment.launch(environment)
        #expect(launch == .init(rank: 9, size: 11, localRank: 1, localSize: 3, isLaunched: true))
        environment["SLURM_NODEID"] = "1"
        #expect(MPIEnvironment.launch(environment).localSize == 4)
        // Inside of a batch script, before anything is launched, there is one process.
        environment["PMIX_RANK"] = nil
        #expect(!MPIEnvironment.launch(environment).isLaunched)
    }

    @Test("mpirun's words count before Slurm's")
    func openMPI() {
        let launch = MPIEnvironment.launch([
            "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
            "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "SLURM_NTASKS": "8", "SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
        ])
        #expect(launch == .init(rank: 3, size: 4, localRank: 1, localSize: 2, isLaunched: true))
    }
}
