import Foundation
import Hashing
import Settings

/// The content of `manifest.json`: the files of a checkpoint, the place of each number, and facts about the run.
///
/// The manifest is written last, so a folder without it is no checkpoint. `CheckpointFolder` reads it.
public struct CheckpointManifest: Equatable, Sendable {
    /// The version of the format. Any other version is refused.
    public static let currentVersion = 2

    public var formatVersion = CheckpointManifest.currentVersion
    public var kind = "checkpoint"
    /// When the save began, ISO 8601.
    public var saved: String
    /// The number of finished optimizer steps, and of all steps of the run.
    public var step: Int
    public var totalSteps: Int
    /// The sampler's state.
    public var epoch: Int
    public var position: Int
    public var seed: UInt64
    public var layout: Layout
    /// The settings that decide what the run computes, as YAML.
    public var settings: String
    /// The length of `metrics.jsonl`.
    public var metrics: MetricsPosition
    /// The other files of the folder, without `manifest.sha256`.
    public var files: [File] = []
    /// One block per tensor rank, in order: the places of its parameters in its flat block.
    public var blocks: [Block]
    /// The floats of each file. Each float of a block is in exactly one file.
    public var shards: [Shard]
    /// The tables of `reference-values.h5`, in order. Nil if no reference has a cache; then the file does not exist.
    public var referenceValues: [ReferenceValues]?
    /// The configuration and tokenizer of the model, for a conversion to a model's folder. Nil in checkpoints of earlier
    /// versions.
    public var model: Model?
    /// The files that the run reads.
    public var inputs: [Input] = []
    public var environment: Environment
    /// Nil if no step was skipped and no work was left after the step.
    public var trainerState: TrainerState?
    /// Seconds that the run has taken, over all its processes. Nil in checkpoints of earlier programs.
    public var elapsedSeconds: Double?

    /// The number of ranks on each axis at the save, and `parallel.zero`.
    public struct Layout: Equatable, Sendable {
        public var data: Int
        public var tensor: Int
        public var zero: Int

        public init(_ layout: ParallelLayout, zero: Int) {
            data = layout.data
            tensor = layout.tensor
            self.zero = zero
        }
    }

    /// The model without its numbers.
    public struct Model: Equatable, Sendable {
        /// The text of `config.json`.
        public var configuration: String
        /// Absolute path of the folder from which an export copies tokenizer files. Nil if there is none.
        public var tokenizerFolder: String?

        public init(configuration: String, tokenizerFolder: String?) {
            self.configuration = configuration
            self.tokenizerFolder = tokenizerFolder
        }
    }

    public struct File: Equatable, Sendable {
        /// The name in the checkpoint's folder. For an input, the last component of its path.
        public var name: String
        public var bytes: Int
        public var sha256: String

        public init(name: String, _ digest: FileDigest) {
            self.name = name
            bytes = digest.bytes
            sha256 = digest.sha256
        }
    }

    /// A length of `metrics.jsonl` in bytes and in lines.
    public struct MetricsPosition: Equatable, Sendable {
        public var bytes: Int
        public var rows: Int

        public init(bytes: Int, rows: Int) {
            self.bytes = bytes
            self.rows = rows
        }
    }

    /// The parameters of a tensor rank in one flat block of floats. Values and both moments each have a block with these
    /// places.
    public struct Block: Equatable, Sendable {
        public var tensor: Int
        /// The number of floats, with the gaps of alignment.
        public var count: Int
        public var parameters: [Parameter]

        public init(tensor: Int, count: Int, parameters: [Parameter]) {
            self.tensor = tensor
            self.count = count
            self.parameters = parameters
        }
    }

    /// A parameter's part in a block, row by row without gaps.
    public struct Parameter: Equatable, Sendable {
        public var name: String
        /// `[rows, columns]` of the full parameter. A vector has one row.
        public var shape: [Int]
        /// The first row and the row after the last one of the part in this block. `columns` likewise.
        public var rows: [Int]
        public var columns: [Int]
        /// The number of floats before the part in the block.
        public var offset: Int

        public init(name: String, shape: [Int], rows: Range<Int>, columns: Range<Int>, offset: Int) {
            self.name = name
            self.shape = shape
            self.rows = [rows.lowerBound, rows.upperBound]
            self.columns = [columns.lowerBound, columns.upperBound]
            self.offset = offset
        }
    }

    /// The floats of a tensor rank's block that a file holds.
    public struct Shard: Equatable, Sendable {
        public var file: String
        public var tensor: Int
        public var data: Int
        /// Ascending ranges, each with its first float and the float after its last one. The file has their numbers in this
        /// order.
        public var ranges: [[Int]]

        public init(tensor: Int, data: Int, ranges: [Range<Int>]) {
            file = ShardFile.name(tensor: tensor, data: data)
            self.tensor = tensor
            self.data = data
            self.ranges = ranges.map { [$0.lowerBound, $0.upperBound] }
        }
    }

    /// The reference and the dataset of a table of reference values.
    public struct ReferenceValues: Equatable, Sendable {
        public var reference: String
        /// `train` or `validation.NAME`.
        public var dataset: String
        /// The fingerprint of the dataset's content.
        public var fingerprint: String

        public init(reference: String, dataset: String, fingerprint: String) {
            self.reference = reference
            self.dataset = dataset
            self.fingerprint = fingerprint
        }
    }

    /// Files that the run reads, with the configuration's key that names them.
    public struct Input: Equatable, Sendable {
        public var key: String
        public var files: [File]

        public init(key: String, files: [File]) {
            self.key = key
            self.files = files
        }
    }

    /// The environment of the run. Only the last bits of a result may depend on it.
    public struct Environment: Equatable, Sendable {
        public var ranks: Int
        public var threadsPerRank: Int
        public var blasCore: String
        public var mpi: String
        /// Settings of MPI's collective operations, by the name of their variable.
        public var collectives: [String: String]
        public var tandem: String
        /// The program's SHA-256.
        public var program: String

        public init(
            ranks: Int, threadsPerRank: Int, blasCore: String, mpi: String, collectives: [String: String], tandem: String,
            program: String
        ) {
            self.ranks = ranks
            self.threadsPerRank = threadsPerRank
            self.blasCore = blasCore
            self.mpi = mpi
            self.collectives = collectives
            self.tandem = tandem
            self.program = program
        }
    }

    public init(
        step: Int, totalSteps: Int, epoch: Int, position: Int, seed: UInt64, layout: Layout, settings: String,
        metrics: MetricsPosition, blocks: [Block], shards: [Shard], environment: Environment
    ) {
        saved = Date().iso8601
        self.step = step
        self.totalSteps = totalSteps
        self.epoch = epoch
        self.position = position
        self.seed = seed
        self.layout = layout
        self.settings = settings
        self.metrics = metrics
        self.blocks = blocks
        self.shards = shards
        self.environment = environment
    }
}
