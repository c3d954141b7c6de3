import Foundation
import Hashing
import JSON
import Settings

@testable import Checkpoints

extension FuzzTarget {
    /// A checkpoint's `manifest.json`, beside a `manifest.sha256` that goes with it: whoever writes one can write the other.
    static let manifest = FuzzTarget(
        name: "manifest",
        seeds: { [Array(goodManifest.json.compact.utf8)] },
        read: { input in
            let path = Scratch.folder + "/step-3"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let files = (try? CheckpointManifest(json: JSONValue(parsing: input)))?.files ?? []
            let listed = files.map { "\($0.sha256)  \($0.name)\n" }.joined()
            _ = Scratch.write("step-3/manifest.json", input)
            _ = Scratch.write("step-3/manifest.sha256", Array("\(SHA256.digits(of: input))  manifest.json\n\(listed)".utf8))
            let manifest = try CheckpointFolder(path: path).manifest()
            precondition(manifest.files.allSatisfy { !$0.name.contains("/") && $0.bytes >= 0 }, "a file outside of the folder")
            let floats = manifest.shards.flatMap(\.ranges).reduce(0) { $0 + $1[1] - $1[0] }
            precondition(floats == manifest.blocks.reduce(0) { $0 + $1.count }, "shards that are not the blocks")
        })

    private static var goodManifest: CheckpointManifest {
        let digits = String(repeating: "0a", count: 32)
        var manifest = CheckpointManifest(
            step: 3, totalSteps: 9, epoch: 1, position: 2, seed: 17, layout: .init(.single, zero: 0), settings: "run: {}",
            metrics: .init(bytes: 10, rows: 1),
            blocks: [
                .init(
                    tensor: 0, count: 32,
                    parameters: [
                        .init(name: "first", shape: [3, 5], rows: 0..<3, columns: 0..<5, offset: 0),
                        .init(name: "second", shape: [1, 7], rows: 0..<1, columns: 0..<7, offset: 16),
                    ])
            ],
            shards: [.init(tensor: 0, data: 0, ranges: [0..<10, 10..<32])],
            environment: .init(
                ranks: 1, threadsPerRank: 1, blasCore: "Zen", mpi: "none", collectives: [:], tandem: "0", program: digits))
        manifest.files = [.init(name: manifest.shards[0].file, FileDigest(bytes: 128, sha256: digits))]
        manifest.inputs = [.init(key: "data.train", files: [.init(name: "a.h5", FileDigest(bytes: 1, sha256: digits))])]
        manifest.referenceValues = [.init(reference: "sft", dataset: "train", fingerprint: "1")]
        return manifest
    }
}
