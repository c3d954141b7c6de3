import Foundation
import TestSupport
import Testing

/// Claims that the type system makes: they are tested by the compiler's refusal.
@Suite struct FrozenTests {
    /// Type-checks a file against this build's modules and returns what the compiler says.
    private func compilerMessages(_ source: String) throws -> String {
        let folder = TemporaryFolder()
        let root = URL(fileURLWithPath: fixtureFolder).deletingLastPathComponent().deletingLastPathComponent().path
        let rooms = try FileManager.default.contentsOfDirectory(atPath: root + "/Sources").map { root + "/Sources/" + $0 }
        let moduleMaps = (rooms + [programFolder + "/../../checkouts/Yams/Sources/CYaml/include"])
            .map { $0 + "/module.modulemap" }.filter(FileManager.default.fileExists)
        let includes = try runCommand(["pkg-config", "--cflags", "ompi-c", "openblas", "hdf5", "libcrypto"]).output
        let flags = moduleMaps.map { "-fmodule-map-file=" + $0 } + includes.split(whereSeparator: \.isWhitespace).map(String.init)
        return try runCommand(
            ["swiftc", "-typecheck", folder.write(source, to: "claim.swift"), "-I", programFolder + "/Modules"]
                + flags.flatMap { ["-Xcc", $0] }
        ).errorOutput
    }

    private func program(_ kind: String) -> String {
        """
        import Model
        func learn(_ model: Transformer<\(kind)>, _ pass: ForwardPass, _ plan: ForwardPlan) throws {
            try model.backward(pass, plan, gradients: LossGradients(targets: []))
        }
        """
    }

    @Test("backward on a trainable model compiles")
    func trainableCompiles() throws {
        #expect(try !compilerMessages(program("Trainable")).contains("error:"))
    }

    @Test("backward on a frozen model does not compile")
    func frozenDoesNotCompile() throws {
        let messages = try compilerMessages(program("Frozen"))
        #expect(messages.contains("requires the types 'Frozen' and 'Trainable' be equivalent"))
    }
}
