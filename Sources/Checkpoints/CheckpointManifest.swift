import Foundation
import Hashing
import Settings

/// What `manifest.json` says of a checkpoint: what is in it, where each number lies, and what the run was.
///
/// It is written last, so a folder without it is no checkpoint; `CheckpointFolder` reads it.
public struct CheckpointManifest: Equatable, Sendable {
    /// Of the files' format; another one is refused.
    public static let currentVersion = 2

    public var formatVersion = CheckpointManifest.currentVersion
    public var kind = "checkpoint"
    /// When it was begun to be saved, ISO 8601.
    public var saved: String
    /// Optimizer steps done, of how many.
    public var step: Int
    public var totalSteps: Int
    /// The sampler's state.
    public var epoch: Int
    public var position: Int
    public var seed: UInt64
    public var layout: Layout
    /// The settings that decide what the run computes, as YAML.
    public var settings: String
    /// How much of `metrics.jsonl` there was.
    public var metrics: MetricsPosition
    /// The other files of the folder, by name, but for `manifest.sha256`.
    public var files: [File] = []
    /// Of each tensor rank, in order, where its parameters lie in its flat block.
    public var blocks: [Block]
    /// Which file has which floats of which block; each float of a block is in one.
    public var shards: [Shard]
    /// The tables of `reference-values.h5`, in order; nil where no reference has a cache, and there is no such file.
    public var referenceValues: [ReferenceValues]?
    /// What makes a model's folder of the values; nil in checkpoints of earlier versions.
    public var model: Model?
    /// What the run reads.
    public var inputs: [Input] = []
    public var environment: Environment
    /// Nil where no step was skipped and nothing was left undone.
    public var trainerState: TrainerState?
    /// Seconds that the run had taken, over all its processes; nil in checkpoints of earlier programs.
    public var elapsedSeconds: Double?

    /// Ranks of each axis that wrote it, and `parallel.zero`.
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

    /// The model beside its numbers.
    public struct Model: Equatable, Sendable {
        /// Its `config.json`, as text.
        public var configuration: String
        /// Absolute path of the folder that an export copies tokenizer files from; nil where there is none.
        public var tokenizerFolder: String?

        public init(configuration: String, tokenizerFolder: String?) {
            self.configuration = configuration
            self.tokenizerFolder = tokenizerFolder
        }
    }

    public struct File: Equatable, Sendable {
        /// In the checkpoint's folder; of an input, its last component.
        public var name: String
        public var bytes: Int
        public var sha256: String

        public init(name: String, _ digest: FileDigest) {
            self.name = name
            bytes = digest.bytes
            sha256 = digest.sha256
        }
    }

    /// Bytes and lines.
    public struct MetricsPosition: Equatable, Sendable {
        public var bytes: Int
        public var rows: Int

        public init(bytes: Int, rows: Int) {
            self.bytes = bytes
            self.rows = rows
        }
    }

    /// A tensor rank's parameters in one block of floats: values and both moments are such blocks.
    public struct Block: Equatable, Sendable {
        public var tensor: Int
        /// Floats, gaps of alignment included.
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
        /// `[rows, columns]` of the whole parameter; a vector has one row.
        public var shape: [Int]
        /// Each the first, and the one after the last, of what the block has of it.
        public var rows: [Int]
        public var columns: [Int]
        /// Floats before it in the block.
        public var offset: Int

        public init(name: String, shape: [Int], rows: Range<Int>, columns: Range<Int>, offset: Int) {
            self.name = name
            self.shape = shape
            self.rows = [rows.lowerBound, rows.upperBound]
            self.columns = [columns.lowerBound, columns.upperBound]
            self.offset = offset
        }
    }

    /// What a file holds of its tensor rank's block.
    public struct Shard: Equatable, Sendable {
        public var file: String
        public var tensor: Int
        public var data: Int
        /// Ascending, each the first float and the one after the last; the file has their numbers one after the other.
        public var ranges: [[Int]]

        public init(tensor: Int, data: Int, ranges: [Range<Int>]) {
            file = ShardFile.name(tensor: tensor, data: data)
            self.tensor = tensor
            self.data = data
            self.ranges = ranges.map { [$0.lowerBound, $0.upperBound] }
        }
    }

    /// Whose values a table holds, and of which records.
    public struct ReferenceValues: Equatable, Sendable {
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

    /// Files that the run reads, by the configuration's key that names them.
    public struct Input: Equatable, Sendable {
        public var key: String
        public var files: [File]

        public init(key: String, files: [File]) {
            self.key = key
            self.files = files
        }
    }

    /// What results depend on by their last bits, or not at all, beside the settings.
    public struct Environment: Equatable, Sendable {
        public var ranks: Int
        public var threadsPerRank: Int
        public var blasCore: String
        public var mpi: String
        /// Settings of MPI's collectives, by the variables that hold them.
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
