import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Hosts with networks, names and mounts of their own, made of this machine by launch/hosts; needs root.
    @Suite(
        "Several nodes",
        .enabled(
            if: ProcessInfo.processInfo.environment["TANDEM_MULTI_NODE_TESTS"] == "1", "run by ./launch/test --multi-node"))
    struct MultiNodeTests {
        /// A workspace in which a shell script runs on the first host. There `mpirun` and `multi_node` start ranks on all
        /// hosts, and `on` runs a command on one.
        private struct Hosts {
            let workspace: Workspace

            init() throws { workspace = try Workspace() }

            func run(_ script: String, options: [String] = []) throws -> ProcessResult {
                let functions = """
                    on() { $OMPI_MCA_plm_rsh_agent "$@"; }
                    ranks() { mpirun --hostfile "$HOSTFILE" --bind-to none --wdir "$PWD" "$@"; }
                    multi_node() { "$LAUNCH/multi-node" "$@"; }

                    """
                return try runCommand(
                    ["\(launchFolder)/hosts"] + options + ["bash", "-ec", functions + script], folder: workspace.folder.path,
                    timeLimit: 60, environment: ["TANDEM": programFolder + "/tandem", "LAUNCH": launchFolder])
            }

            /// The line that a job ended with, which `script` starts after `change` was made on a host.
            func refusal(after change: String, _ script: String = "ranks -n 2 \"$TANDEM\" train config.yaml") throws -> ProcessResult {
                try run("\(change.replacing("HERE", with: workspace.folder.path))\n\(script)")
            }
        }

        private func check(_ result: ProcessResult, exit: Int32, says words: [String], _ workspace: Workspace) {
            #expect(result.exitCode == exit, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1, "\(result.errorOutput)")
            for word in words { #expect(result.causeLines.first?.contains(word) == true, "\(result.errorOutput)") }
            #expect(result.seconds < 10)
            #expect(!workspace.exists("run"))
            #expect(workspace.remainingProcesses().isEmpty)
        }

        // MARK: Training

        @Test("two hosts of one rank give the losses of two ranks on one host, bit for bit", arguments: [1, 2])
        func sameLosses(tensor: Int) throws {
            let hosts = try Hosts()
            let settings = "--set parallel.tensor=\(tensor) --set schedule.steps=4"
            let result = try hosts.run(
                """
                ranks -n 2 "$TANDEM" train config.yaml --set run.directory=across \(settings)
                mpirun -n 2 --oversubscribe --bind-to none "$TANDEM" train config.yaml --set run.directory=within \(settings)
                """)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let ranks = try #require(hosts.workspace.json("across/provenance.json")["ranks"] as? [[String: Any]])
            #expect(ranks.map { $0["host"] as? String } == ["host1", "host2"])
            let (across, within) = try (hosts.workspace.metrics("across"), hosts.workspace.metrics("within"))
            #expect(across.count == within.count && across.count > 4)
            for name in ["loss", "grad_norm", "eval_loss", "logps/chosen"] {
                #expect(across.map { $0[name] as? Double } == within.map { $0[name] as? Double }, "\(name)")
            }
            #expect(try hosts.workspace.bytes("across/export/model.safetensors") == hosts.workspace.bytes("within/export/model.safetensors"))
        }

        @Test("multi-node fills the hosts' slots, tells each rank's place, and passes a request to stop")
        func launched() throws {
            let hosts = try Hosts()
            let result = try hosts.run(
                """
                "$LAUNCH/multi-node" --hostfile "$HOSTFILE" --threads 1 --ranks 3 --interface eth0 train config.yaml \\
                    --set schedule.steps=1000000 &
                until grep -q '"step": 3' run/metrics.jsonl 2> /dev/null; do sleep 0.05; done
                kill -USR1 $!
                wait $!
                """, options: ["--slots", "2"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(result.causeLines.isEmpty)
            #expect(result.output.contains("host        host1, rank 0: 1 thread on "))
            #expect(result.output.contains("host        host2, rank 2: 1 thread on "))
            #expect(try hosts.workspace.json("run/status.json")["state"] as? String == "preempted")
            #expect(hosts.workspace.exists("run/checkpoints"))
            #expect(hosts.workspace.remainingProcesses().isEmpty)
        }

        @Test(
            "hosts have cores of their own, where multi-node leaves their ranks",
            .enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "one core can't be divided"))
        func cores() throws {
            let result = try Hosts().run(
                "multi_node --hostfile \"$HOSTFILE\" --threads 1 train config.yaml --set schedule.steps=1")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let places = result.output.matches(of: /host        (host[12]), rank [01]: 1 thread on (.*)/).map { ($0.1, $0.2) }
            #expect(places.map(\.0) == ["host1", "host2"])
            #expect(Set(places.map(\.1)).count == 2, "\(result.output)")
        }

        @Test("a limited network is slower by what it carries")
        func limited() throws {
            let hosts = try Hosts()
            let script = """
                head -c 20000000 /dev/zero > zeros
                date +%s%N; on host2 "cat > /dev/null" < zeros; date +%s%N
                """
            let times = try hosts.run(script, options: ["--rate", "100mbit"]).output.split(separator: "\n").compactMap { Double($0) }
            try #require(times.count == 2)
            // 160 Mbit at 100 a second; the shaper lets a moment's traffic pass at once.
            #expect((times[1] - times[0]) / 1e9 > 1.3)
        }

        // MARK: Nodes that differ

        @Test(
            "nodes whose settings, data or weights differ are named before anything is trained",
            arguments: [
                (
                    "sed s/0.001/0.002/ config.yaml > other; on host2 mount --bind HERE/other HERE/config.yaml",
                    Exit.configuration, ["host2: ", "optimizer.learning_rate: 0.002", "on host1", "config.yaml"]
                ),
                (
                    "head -n 5 pairs.jsonl > five.jsonl; \"$TANDEM\" prepare --input five.jsonl --output five.h5 > /dev/null; "
                        + "on host2 mount --bind HERE/five.h5 HERE/pairs.h5",
                    Exit.damagedData, ["host2: ", "pairs.h5 of 5 records", "pairs.h5 of 10 records", "on host1"]
                ),
                (
                    "on host2 mount --bind HERE/reference HERE/policy",
                    Exit.damagedData, ["host2: ", "policy/model.safetensors", "on host1"]
                ),
                (
                    "cp \"$TANDEM\" tandem; echo >> tandem; on host2 mount --bind HERE/tandem $(realpath \"$TANDEM\")",
                    Exit.configuration, ["host2: tandem ", "build", "on host1", "Install one build"]
                ),
            ])
        func differing(_ change: String, exit: Int32, words: [String]) throws {
            let hosts = try Hosts()
            check(try hosts.refusal(after: change), exit: exit, says: words, hosts.workspace)
        }

        @Test("processors that OpenBLAS treats differently are named")
        func differingKernels() throws {
            let hosts = try Hosts()
            let result = try hosts.run(
                """
                ranks -n 2 -x TANDEM sh -c '
                    if [ $(hostname) = host2 ]; then export OPENBLAS_CORETYPE=Nehalem; fi; exec "$TANDEM" train config.yaml'
                """)
            check(
                result, exit: Exit.configuration, says: ["host2: OpenBLAS kernels for Nehalem", "OPENBLAS_CORETYPE"], hosts.workspace)
        }

        @Test(
            "a file that one node lacks or can't read is told once, with the node's name",
            arguments: [
                ("touch none; on host2 mount --bind HERE/none HERE/pairs.h5", Exit.damagedData, ["host2: pairs.h5: "]),
                ("mkdir none; on host2 mount --bind HERE/none HERE/reference", Exit.missingInput, ["host2: reference/config.json: "]),
                ("on host2 mount --bind /dev/null HERE/config.yaml", Exit.damagedData, ["host2: config.yaml: is not a regular file"]),
            ])
        func lacking(_ change: String, exit: Int32, words: [String]) throws {
            let hosts = try Hosts()
            check(try hosts.refusal(after: change), exit: exit, says: words, hosts.workspace)
        }

        @Test("a mistake of all nodes is told once, without a name")
        func common() throws {
            let hosts = try Hosts()
            let result = try hosts.run("ranks -n 2 \"$TANDEM\" train nothing.yaml")
            check(result, exit: Exit.missingInput, says: ["tandem: nothing.yaml: "], hosts.workspace)
        }

        @Test("run.directory on the hosts' own disks is refused before the first step, with the host's name")
        func unshared() throws {
            let hosts = try Hosts()
            let result = try hosts.refusal(after: "mkdir none run; on host2 mount --bind HERE/none HERE/run")
            #expect(result.exitCode == Exit.configuration && result.seconds < 15, "\(result.errorOutput)")
            #expect(
                result.causeLines == [
                    "tandem: host2: run.directory = run is another folder there than on host1. Keep it on a file system that all hosts share, under one path."
                ], "\(result.errorOutput)")
            #expect(try hosts.workspace.snapshot(below: "none").isEmpty && !hosts.workspace.exists("run/metrics.jsonl"))
        }

        // MARK: Hosts that lose their rank

        @Test("the only rank of a host is killed: multi-node names it, its host and the signal, and the run's status says so")
        func onlyRankKilled() throws {
            let hosts = try Hosts()
            let result = try hosts.run(
                """
                printf '#!/bin/sh\\n[ -z "$OMPI_COMM_WORLD_RANK" ] || echo $$ > rank-$OMPI_COMM_WORLD_RANK\\nexec %s "$@"\\n' "$TANDEM" > program
                chmod +x program
                export TANDEM="$PWD/program"
                multi_node --hostfile "$HOSTFILE" --threads 1 train config.yaml --set schedule.steps=1000000 --set run.checkpoint_every=2 &
                until grep -qs '"step": 5' run/metrics.jsonl; do sleep 0.05; done
                on host2 kill -KILL $(cat rank-1)
                code=0
                wait $! || code=$?
                exit $code
                """)
            #expect(result.exitCode == Exit.tryAgain && result.causeLines.isEmpty, "\(result.errorOutput)")
            #expect(
                result.errorOutput.hasSuffix("\nlaunch/multi-node: rank 1 (host2) was killed by SIGKILL. It goes on with --resume.\n"),
                "\(result.errorOutput)")
            let status = try hosts.workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["reason"] as? String == "rank 1 (host2) was killed by SIGKILL")
            #expect(status["exit_code"] as? Int == 75 && status["time"] is String && status["host"] as? String == "host1")
            #expect(hosts.workspace.remainingProcesses().isEmpty)
        }

        @Test("where multi-node is killed the ranks of all hosts end")
        func scriptKilled() throws {
            let hosts = try Hosts()
            let result = try hosts.run(
                """
                multi_node --hostfile "$HOSTFILE" --threads 1 train config.yaml --set schedule.steps=1000000 &
                script=$!
                until grep -qs '"step": 5' run/metrics.jsonl; do sleep 0.05; done
                kill -KILL $(pgrep -P $script bash || echo $script)
                for second in 1 2 3 4 5 6 7 8 9 10; do
                    sleep 1
                    pgrep -x tandem > ranks || exit 0
                done
                exit 1
                """)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try hosts.workspace.json("run/status.json")["state"] as? String == "failed")
        }

        // MARK: Hosts that can't take part

        @Test(
            "multi-node looks at the hosts first and says what is wrong with each",
            arguments: [
                ("mkdir none; on host2 mount --bind HERE/none $(dirname $(realpath \"$TANDEM\"))", 69, ["host2: ", "tandem is not there"]),
                (
                    "cp \"$TANDEM\" tandem; echo >> tandem; on host2 mount --bind HERE/tandem $(realpath \"$TANDEM\")",
                    78, ["host2: runs another program"]
                ),
                ("mkdir none job; on host2 mount --bind HERE/none HERE; cd job", 66, ["host2: the folder ", "is not there"]),
                ("echo host9 >> $HOSTFILE", 69, ["host9: can't be reached", "hostfile"]),
                ("echo 'host1 slots=2' >> $HOSTFILE", 78, ["hostfile:3: host1 stands there twice"]),
                ("echo 'host3 slot=2' >> $HOSTFILE", 78, ["hostfile:3: 'slot=2' is not slots=N"]),
                (": > $HOSTFILE", 78, ["hostfile names no host"]),
                ("rm $HOSTFILE", 66, ["hostfile is not there"]),
            ])
        func unusable(_ change: String, exit: Int32, words: [String]) throws {
            let hosts = try Hosts()
            let result = try hosts.refusal(after: change, "multi_node --hostfile \"$HOSTFILE\" train config.yaml")
            let lines = result.errorOutput.split(separator: "\n")
            #expect(result.exitCode == exit && lines.count == 1, "\(result.errorOutput)")
            for word in words { #expect(lines.first?.contains(word) == true, "\(result.errorOutput)") }
            #expect(result.seconds < 10)
            #expect(!hosts.workspace.exists("run"))
        }
    }
}
