import Foundation
import Settings

/// What `manifest.json` says of a checkpoint: written last, so a folder without it is no checkpoint.
public struct CheckpointManifest: Codable, Equatable, Sendable {
    /// Of the files' format; a newer one is refused.
    public static let currentVersion = 1

    public var formatVersion = CheckpointManifest.currentVersion
    public var kind = "checkpoint"
    /// Optimizer steps done.
    public var step: Int
    /// Ranks of each axis that wrote it.
    public var data: Int
    public var tensor: Int
    /// The sampler's state.
    public var epoch: Int
    public var position: Int
    /// The settings that decide what the run computes, as YAML.
    public var settings: String
    /// The tables of `reference-values.h5`, in order; nil where no reference has a cache, and there is no such file.
    public var referenceValues: [ReferenceValues]?
    /// Where data ranks share the optimizer's state, which file has what of it; nil where they don't.
    public var shards: [Shard]?
    /// Nil where no step was skipped and nothing was left undone.
    public var trainerState: TrainerState?

    /// What a data rank's file holds of its tensor rank's flat block.
    public struct Shard: Codable, Equatable, Sendable {
        public var file: String
        public var tensor: Int
        public var data: Int
        /// Ascending, each the first float and the one after the last; the file has their numbers one after the other.
        public var ranges: [[Int]]

        public init(tensor: Int, data: Int, ranges: [Range<Int>]) {
            file = CheckpointPart.file(tensorRank: tensor, dataRank: data)
            self.tensor = tensor
            self.data = data
            self.ranges = ranges.map { [$0.lowerBound, $0.upperBound] }
        }
    }

    /// Whose values a table holds, and of which records.
    public struct ReferenceValues: Codable, Equatable, Sendable {
        public var reference: String
        /// `train` or `validation.NAME`.
        public var dataset: String
        /// Of the dataset's content.
        public var fingerprint: String

        public init(reference: String, dataset: String, fingerprint: String) {
            self.reference = reference
            self.dataset = dataset
            self.fingerprint = fingerprint
        }
    }

    public init(step: Int, layout: ParallelLayout, epoch: Int, position: Int, settings: String) {
        self.step = step
        data = layout.data
        tensor = layout.tensor
        self.epoch = epoch
        self.position = position
        self.settings = settings
    }

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case kind, step, data, tensor, epoch, position, settings
        case referenceValues = "reference_values"
        case shards
        case trainerState = "trainer_state"
    }

    /// Reads and checks the manifest of a checkpoint's folder.
    ///
    /// - Throws: `Failure`: missing, damaged data, or configuration for a newer format.
    public init(folder: String) throws(Failure) {
        let path = folder + "/manifest.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .missing(path, "can't be read", remedy: "Name a checkpoint that holds a manifest.")
        }
        do { self = try JSONDecoder().decode(CheckpointManifest.self, from: data) } catch {
            throw .damaged(path, "is not a checkpoint's manifest", remedy: "Resume from another step with --resume=STEP.")
        }
        guard kind == "checkpoint", step >= 0, epoch >= 0, position >= 0 else {
            throw .damaged(path, "is not a checkpoint's manifest", remedy: "Resume from another step with --resume=STEP.")
        }
        guard formatVersion <= CheckpointManifest.currentVersion else {
            throw .configuration(
                path, "has format version \(formatVersion), newer than \(CheckpointManifest.currentVersion)",
                remedy: "Resume with the version of Tandem that wrote it.")
        }
    }
}
