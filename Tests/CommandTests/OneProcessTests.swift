import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Commands of one process under mpirun") struct OneProcessTests {
        static let commands = [
            ["prepare", "--input", "pairs.jsonl", "--output", "new.h5"], ["convert", "policy", "converted"],
            ["inspect", "pairs.h5"], ["inspect", "policy"],
        ]

        @Test("the work is done once, and told once", arguments: commands)
        func once(_ command: [String]) throws {
            let workspace = try Workspace()
            let alone = try workspace.tandem(command)
            let files = try workspace.snapshot()
            let result = try workspace.tandem(command, ranks: 3)
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
            #expect(!alone.output.isEmpty && result.output == alone.output)
            #expect(try workspace.snapshot() == files)
        }

        @Test("ranks after the first read and write nothing", arguments: commands)
        func elsewhere(_ command: [String]) throws {
            let workspace = try Workspace()
            try workspace.makeFolder("empty")
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK != 0 ]; then cd empty; fi; exec \"$TANDEM\" \(command.joined(separator: " "))", ranks: 2)
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
            #expect(try workspace.snapshot(below: "empty").isEmpty)
        }
    }
}
