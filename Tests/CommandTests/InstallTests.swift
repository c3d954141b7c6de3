import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("launch/install") struct InstallTests {
        private static let script = launchFolder + "/install"
        private static let program = programFolder + "/tandem"

        private func install(_ arguments: [String], environment: [String: String] = [:]) throws -> ProcessResult {
            try runCommand([Self.script] + arguments, environment: environment)
        }

        /// A folder with this build's program installed below `prefix`.
        private func installed() throws -> TemporaryFolder {
            let folder = TemporaryFolder()
            let result = try install([folder.file("prefix"), "--program", Self.program])
            try #require(result.exitCode == 0, "\(result.errorOutput)")
            return folder
        }

        /// Every file and link below a folder with its content, or the path that a link leads to.
        private func content(_ path: String) throws -> [String: Data] {
            var files: [String: Data] = [:]
            for case let name as String in FileManager.default.enumerator(atPath: path)! {
                let file = path + "/" + name
                if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: file) {
                    files[name] = Data(target.utf8)
                } else {
                    files[name] = FileManager.default.contents(atPath: file) ?? Data()
                }
            }
            return files
        }

        @Test("program, scripts, pages, manual and completions have their places, and nothing else is left there")
        func tree() throws {
            let folder = try installed()
            let names = try Set(content(folder.file("prefix")).keys)
            for name in [
                "bin/tandem", "bin/tandem-local", "bin/tandem-multi-node", "bin/tandem-quickstart", "libexec/tandem/install-dependencies",
                "share/tandem/slurm/mpirun.sbatch", "share/tandem/slurm/srun.sbatch", "share/tandem/configs/dpo-smollm2.yaml",
                "share/tandem/quickstart/corpus.jsonl", "share/tandem/quickstart/tokenizer/tokenizer.json", "share/doc/tandem/README.md",
                "share/doc/tandem/LICENSE", "share/doc/tandem/docs/configuration.md", "share/man/man1/tandem.1",
                "share/bash-completion/completions/tandem", "share/zsh/site-functions/_tandem", "share/fish/vendor_completions.d/tandem.fish",
            ] {
                #expect(names.contains(name), "\(name)")
            }
            #expect(Set(names.map { $0.prefix { $0 != "/" } }) == ["bin", "libexec", "share"])
            let manual = try String(contentsOfFile: folder.file("prefix/share/man/man1/tandem.1"), encoding: .utf8)
            for command in ["convert", "prepare", "train", "evaluate", "score", "generate", "plan", "inspect"] {
                #expect(manual.contains("\n.SS tandem \(command)\n"), "\(command)")
            }
            let completion = try runCommand(["bash", "-n", folder.file("prefix/share/bash-completion/completions/tandem")])
            #expect(completion.exitCode == 0 && completion.errorOutput.isEmpty)
        }

        @Test("an installed program tells its version, the commit it was built from, and a line for each library")
        func version() throws {
            let folder = try installed()
            // The commit is what stands beside the program, also inside another project's checkout.
            try Data("0123456789abcdef0123456789abcdef01234567-modified\n".utf8)
                .write(to: URL(fileURLWithPath: folder.file("prefix/share/tandem/commit")))
            let result = try runCommand([folder.file("prefix/bin/tandem"), "--version"])
            let lines = result.output.split(separator: "\n")
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty)
            #expect(lines[0].wholeMatch(of: /tandem \d+\.\d+\.\d+ \(commit 0123456789abcdef0123456789abcdef01234567-modified\)/) != nil)
            let libraries = [
                /Swift +6\.\d.*/, /MPI +Open MPI v?\d.*/, /BLAS +OpenBLAS \d.*, kernels for \w+/, /HDF5 +\d+\.\d+\.\d+/,
                /PCRE2 +10\.\d+ .*/, /SHA-256 +OpenSSL \d.*/,
            ]
            #expect(lines.count == 1 + libraries.count)
            for (line, pattern) in zip(lines.dropFirst(), libraries) { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
        }

        @Test("a program without a record of its commit, outside a checkout, says that it is unknown")
        func unknownCommit() throws {
            let folder = TemporaryFolder()
            // Another project's checkout.
            try runCommand(["git", "init", "--quiet", folder.path]).check()
            try FileManager.default.copyItem(atPath: Self.program, toPath: folder.file("tandem"))
            let result = try runCommand([folder.file("tandem"), "--version"])
            #expect(result.output.split(separator: "\n").first?.hasSuffix(" (commit unknown)") == true, "\(result.output)")
        }

        @Test("an installed script trains two ranks by the program of its own folder, wherever that is moved to")
        func scripts() throws {
            let (folder, workspace) = (try installed(), try Workspace())
            try FileManager.default.moveItem(atPath: folder.file("prefix"), toPath: folder.file("moved"))
            let script = folder.file("moved/bin/tandem-local")
            func local(_ arguments: [String]) throws -> ProcessResult {
                try runCommand([script] + arguments, folder: workspace.folder.path, environment: ["TANDEM": ""])
            }
            let training = try local(["--ranks", "2", "--threads", "1", "train", "config.yaml"])
            #expect(training.exitCode == 0, "\(training.errorOutput)")
            #expect(training.errorOutput.hasPrefix("tandem-local: 2 ranks × 1 thread on "))
            #expect(try workspace.metrics().filter { $0["eval"] == nil }.count == 2)
            #expect(workspace.exists("run/export/model.safetensors"))
            let command = try #require(workspace.json("run/provenance.json")["command"] as? [String])
            #expect(command.first?.hasSuffix("/moved/bin/tandem") == true, "\(command)")

            let help = try local(["--help"])
            #expect(help.exitCode == 0 && help.output.contains("\n  tandem-local [--ranks N]") && !help.output.contains("./launch"))
            let commandHelp = try local(["inspect", "--help"])
            #expect(commandHelp.exitCode == 0 && commandHelp.output.contains("USAGE: tandem inspect"))
            let mistake = try local(["--rank", "2", "train"])
            #expect(mistake.exitCode == Exit.usage && mistake.errorOutput.hasPrefix("tandem-local: there is no option --rank"))
        }

        @Test(
            "Slurm's batch files take the installed program in PATH and its scripts; without one they say how to submit",
            arguments: ["mpirun", "srun"])
        func batchFile(launcher: String) throws {
            let (folder, workspace) = (try installed(), try Workspace())
            try workspace.makeFolder("bin")
            // Slurm's own words aside: the ranks are started here.
            let stand = "#!/bin/sh\nwhile [ \"$1\" != \"$PROGRAM\" ]; do shift; done\nexec mpirun -n 2 --oversubscribe --bind-to none \"$@\"\n"
            if launcher == "srun" { try workspace.write(Data(stand.utf8), to: "bin/srun") }
            let batch = folder.file("prefix/share/tandem/slurm/\(launcher).sbatch")
            // Slurm runs a copy.
            let script = """
                cp \(batch) job; chmod -R +x bin
                export PROGRAM=$(realpath \(folder.file("prefix/bin/tandem"))) PATH="$PWD/bin:$ADDED$PATH"
                export SLURM_SUBMIT_DIR="$PWD" SLURM_JOB_NAME=job SLURM_CPUS_PER_TASK=1 SLURM_NTASKS_PER_NODE=1 RESTARTS=0
                bash job config.yaml
                """
            func run(added: String) throws -> ProcessResult {
                try runCommand(
                    ["sh", "-c", script], folder: workspace.folder.path,
                    environment: ["TANDEM": "", "ADDED": added, "OMPI_MCA_rmaps_base_oversubscribe": "1"])
            }
            let missing = try run(added: "")
            #expect(missing.exitCode == 69 && missing.errorOutput.hasPrefix("job: no tandem in PATH."), "\(missing.errorOutput)")
            let result = try run(added: folder.file("prefix/bin:"))
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "finished")
        }

        // MARK: Folders that can't be used

        @Test(
            "a folder that can't be used is refused in one line, and stays as it is",
            arguments: [
                ("echo mine > prefix", 78, "prefix is a file. Name a folder"),
                ("ln -s /proc/none prefix", 74, "can't be made (No such file or directory). Name another folder"),
                ("mkdir -p prefix/bin; echo mine > prefix/bin/tandem", 78, "prefix/bin/tandem was not installed by this script"),
                ("mkdir -p prefix/bin; ln -s /bin/true prefix/bin/tandem-local", 78, "prefix/bin/tandem-local was not installed by this script"),
                ("mkdir -p prefix/share; echo mine > prefix/share/tandem", 78, "prefix/share/tandem is a file, where a folder is needed"),
                ("mkdir -p prefix/bin/tandem", 78, "prefix/bin/tandem was not installed by this script"),
            ])
        func refused(preparation: String, exit: Int32, words: String) throws {
            let folder = TemporaryFolder()
            try runCommand(["sh", "-c", preparation], folder: folder.path).check()
            let before = try content(folder.path)
            let result = try install([folder.file("prefix"), "--program", Self.program])
            #expect(result.exitCode == exit && result.output.isEmpty, "\(result.errorOutput)")
            #expect(result.errorOutput.hasPrefix("launch/install: ") && result.errorOutput.contains(words), "\(result.errorOutput)")
            #expect(result.errorOutput.split(separator: "\n").count == 1)
            #expect(try content(folder.path) == before)
        }

        @Test("a program that is not there or does not start is refused, and no folder is left")
        func noProgram() throws {
            let folder = TemporaryFolder()
            for (program, exit, words) in [
                ("/nothing", Exit.missingInput, "/nothing is not a program."), ("/bin/false", 69, "/bin/false can't start ("),
            ] {
                let result = try install([folder.file("a/b/prefix"), "--program", program])
                #expect(result.exitCode == exit && result.errorOutput.hasPrefix("launch/install: " + words), "\(result.errorOutput)")
                #expect(try content(folder.path).isEmpty)
            }
        }

        @Test(
            "a mistake is one line",
            arguments: [
                ([], "no folder to install under is given."), (["a", "b"], "give one folder to install under, not 'b' as well."),
                (["a", "--programs"], "there is no option --programs."), (["a", "--program"], "--program needs a file."),
                (["a", "--remove", "--program=b"], "--program and --remove exclude each other."),
            ])
        func mistakes(_ arguments: [String], words: String) throws {
            let result = try install(arguments)
            #expect(result.exitCode == Exit.usage && result.output.isEmpty)
            #expect(result.errorOutput.hasPrefix("launch/install: " + words), "\(result.errorOutput)")
            #expect(result.errorOutput.split(separator: "\n").count == 1)
        }

        // MARK: Again, and away

        @Test("installed again its own files are replaced and those of earlier versions go; a file that somebody changed is refused, and others stay")
        func again() throws {
            let folder = try installed()
            let prefix = folder.file("prefix")
            let fresh = try content(prefix)
            // As an earlier version would have left it: a page more, and another configuration.
            try runCommand(
                [
                    "sh", "-c",
                    """
                    echo old > share/doc/tandem/old.md
                    echo old > share/tandem/configs/dpo-smollm2.yaml
                    echo mine > share/doc/mine
                    for name in share/doc/tandem/old.md share/tandem/configs/dpo-smollm2.yaml; do
                        sed -i "\\\\#  $name\\$#d" share/tandem/installed
                        echo "$(sha256sum < $name | cut -d ' ' -f 1)  $name" >> share/tandem/installed
                    done
                    """,
                ], folder: prefix
            ).check()
            let again = try install([prefix, "--program", Self.program])
            #expect(again.exitCode == 0, "\(again.errorOutput)")
            var expected = fresh
            expected["share/doc/mine"] = Data("mine\n".utf8)
            #expect(try content(prefix) == expected)

            try runCommand(["sh", "-c", "echo more >> libexec/tandem/local"], folder: prefix).check()
            let changed = try content(prefix)
            let refused = try install([prefix, "--program", Self.program])
            #expect(refused.exitCode == 78 && refused.errorOutput.contains("libexec/tandem/local was not installed by this script, or was changed"))
            #expect(try content(prefix) == changed)
        }

        @Test("removed, nothing of it stays but what is not its own or was changed")
        func removed() throws {
            let folder = try installed()
            let prefix = folder.file("prefix")
            try runCommand(["sh", "-c", "echo more >> libexec/tandem/local; echo mine > share/mine"], folder: prefix).check()
            let result = try install([prefix, "--remove"])
            #expect(result.exitCode == 0 && result.errorOutput.contains("libexec/tandem/local was changed since it was installed, and stays."))
            #expect(try Set(content(prefix).keys) == ["libexec", "libexec/tandem", "libexec/tandem/local", "share", "share/mine"])
            let untouched = try installed()
            #expect(try install([untouched.file("prefix"), "--remove"]).exitCode == 0)
            #expect(try content(untouched.path).isEmpty)
            let nothing = try install([untouched.path, "--remove"])
            #expect(nothing.exitCode == Exit.missingInput && nothing.errorOutput.contains("nothing is installed under "))
        }

        @Test(
            "a failure or a kill between two files: what was there works on, and the next installation succeeds",
            arguments: ["exit 1", "kill -KILL $PPID"])
        func interrupted(fault: String) throws {
            let folder = try installed()
            let prefix = folder.file("prefix")
            // An earlier version's page, so that there is something to go back to.
            try runCommand(
                [
                    "sh", "-c",
                    """
                    name=share/doc/tandem/README.md
                    echo old > $name
                    sed -i "\\\\#  $name\\$#d" share/tandem/installed
                    echo "$(sha256sum < $name | cut -d ' ' -f 1)  $name" >> share/tandem/installed
                    """,
                ], folder: prefix
            ).check()
            let before = try content(prefix)
            // A file before the page and the page itself are in place when it happens.
            try FileManager.default.createDirectory(atPath: folder.file("tools"), withIntermediateDirectories: true)
            try folder.write(
                "#!/bin/sh\ncase $* in *tree/share/fish*) \(fault) ;; esac\nexec /bin/mv \"$@\"\n", to: "tools/mv")
            try runCommand(["chmod", "+x", folder.file("tools/mv")]).check()
            let path = folder.file("tools:") + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
            let result = try install([prefix, "--program", Self.program], environment: ["PATH": path])
            if fault == "exit 1" {
                #expect(result.exitCode == Exit.inputOutput, "\(result.errorOutput)")
                #expect(try content(prefix) == before)
            } else {
                #expect(result.exitCode == SIGKILL || result.exitCode == 128 + SIGKILL, "\(result.exitCode)")
            }
            #expect(try runCommand([prefix + "/bin/tandem", "--version"]).exitCode == 0)
            let next = try install([prefix, "--program", Self.program])
            #expect(next.exitCode == 0, "\(next.errorOutput)")
            let after = try content(prefix)
            #expect(after["share/doc/tandem/README.md"] != Data("old\n".utf8) && Set(after.keys) == Set(before.keys))
        }

        // MARK: Packages

        @Test("a host that only runs the program gets libraries and mpirun, of the numbers that its release has: no headers, no compilers")
        func runtimePackages() throws {
            let folder = TemporaryFolder()
            try folder.write("#!/bin/sh\necho 'ii  libc6'\necho 'ii  libssl3'\n", to: "dpkg-query")
            try folder.write(
                "#!/bin/sh\nprintf '%s\\n' libhdf5-dev libhdf5-9-1 libhdf5-310 libhdf5-cpp-310 libopenmpi40 libopenmpi-dev libpcre2-8-0 "
                    + "libpcre2-16-0 libssl-dev libssl3 openmpi-bin libopenblas0 libopenblas0-serial libopenblas-dev 'libstdc++6' g++\n",
                to: "apt-cache")
            try folder.write("#!/bin/sh\necho \"apt-get $*\"\n", to: "apt-get")
            try folder.write("#!/bin/sh\necho 0\n", to: "id")
            for tool in ["dpkg-query", "apt-cache", "apt-get", "id"] { try runCommand(["chmod", "+x", folder.file(tool)]).check() }
            let path = folder.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
            let result = try runCommand([launchFolder + "/install-dependencies", "--runtime"], environment: ["PATH": path])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(
                result.output.contains("installing openmpi-bin libopenmpi40 libopenblas0 libhdf5-310 libpcre2-8-0 libstdc++6\n"), "\(result.output)")
            let mistake = try runCommand([launchFolder + "/install-dependencies", "--run-time"])
            #expect(mistake.exitCode == Exit.usage && mistake.errorOutput.hasPrefix("launch/install-dependencies: '--run-time' is not an option."))
        }
    }
}

extension ProcessResult {
    /// A step of a test's preparation must succeed.
    fileprivate func check() throws { try #require(exitCode == 0, "\(errorOutput)") }
}
