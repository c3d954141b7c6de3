import Foundation
import Model
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@testable import Costs
@testable import Runs

/// A model whose numbers can be told by hand: 4 heads of 2 in 2 groups, width 8, feed-forward 16, 32 tokens, 3 layers.
private let small = ModelConfiguration(
    family: .llama, vocabularySize: 32, hiddenSize: 8, feedForwardSize: 16, layerCount: 3, headCount: 4,
    keyValueHeadCount: 2, headDimension: 2, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
    projectionBias: false, maximumPositions: 64, initializerRange: 0.02)

/// A layer: queries and output 2 · 8 · 8, keys and values 2 · 4 · 8, feed-forward 3 · 8 · 16, norms 2 · 8.
private let smallLayer = 128 + 64 + 384 + 16
private let smallCount = 32 * 8 + 3 * smallLayer + 8

extension RunShape {
    fileprivate init(
        _ policy: ModelConfiguration, _ references: [Reference], layout: ParallelLayout, ranksOnNode: Int, recompute: Recomputation = .nothing,
        zero: ZeroStage = .nothing
    ) {
        self.init(
            policy: policy, references: references, layout: layout, ranksPerNode: ranksOnNode, threads: 1, recompute: recompute, zero: zero)
    }
}

@Suite struct MemoryForecastTests {
    private func forecast(
        _ references: [RunShape.Reference] = [], tensor: Int = 1, ranks: Int, tokens: Int = 10
    ) -> MemoryForecast {
        MemoryForecast(
            RunShape(small, references, layout: ParallelLayout(data: 8, tensor: tensor), ranksOnNode: ranks), tokensPerMicroBatch: tokens)
    }

    @Test("the policy takes 16 bytes a parameter on each rank; tensor ranks share all but the norms")
    func policy() {
        #expect(small.parameterCount == smallCount)
        #expect(forecast(ranks: 1).items[0].byteCount == Double(16 * smallCount))
        #expect(forecast(ranks: 3).items[0].byteCount == Double(3 * 16 * smallCount))
        // Seven norms of 8 are on both ranks of a group.
        let group = 16 * (smallCount + 7 * 8)
        #expect(forecast(tensor: 2, ranks: 2).items[0].byteCount == Double(group))
        #expect(forecast(tensor: 2, ranks: 4).items[0].byteCount == Double(2 * group))
        #expect(forecast(tensor: 2, ranks: 3).items[0].byteCount == Double(group + group / 2))
    }

    /// By hand: 16 bytes a parameter, what 10 tokens keep of the activations (the forecast's own item on one rank), OpenBLAS's
    /// 129 MiB for a product, and 64 MiB for all that is not counted.
    @Test("a limit of the process's own is compared with what one rank asks for, however many share the node")
    func processLimit() throws {
        let forecast = forecast(ranks: 1)
        #expect(forecast.rankByteCount == forecast.items.reduce(0) { $0 + $1.byteCount })
        let needed = Int(forecast.rankByteCount) + (129 + 64) << 20
        func check(rest: Int, ranks: Int) throws {
            try MemoryForecast.check(
                RunShape(small, [], layout: ParallelLayout(data: 8, tensor: 1), ranksOnNode: ranks), tokensPerMicroBatch: 10, available: 1 << 40,
                limit: ProcessLimit(.addressSpace, byteCount: 1 << 30, rest: rest), place: "run.yaml")
        }
        for ranks in [1, 8] {
            try check(rest: needed + 1, ranks: ranks)
            let failure = try #require(throws: Failure.self) { try check(rest: needed - 1, ranks: ranks) }
            #expect(failure.place == "run.yaml" && failure.exitCode == .configuration)
            #expect(failure.reason.contains("ulimit -v leaves it 193 MiB") && failure.remedy.contains("ulimit -v unlimited"))
        }
    }

    @Test("data ranks that share the optimizer's state hold their part of both moments, 8 bytes a parameter, alone", arguments: [2, 3, 8])
    func sharedMoments(data: Int) throws {
        let forecast = MemoryForecast(
            RunShape(small, [], layout: ParallelLayout(data: data, tensor: 1), ranksOnNode: 2, zero: .optimizerState), tokensPerMicroBatch: 10)
        #expect(abs(forecast.items[0].byteCount - Double(2 * smallCount) * (8 + 8 / Double(data))) < 1e-6)

        // Only who has something to gain by it is told to share.
        for (layout, zero, isTold) in [
            (ParallelLayout(data: data, tensor: 1), ZeroStage.nothing, true),
            (ParallelLayout(data: data, tensor: 1), .optimizerState, false), (.single, .nothing, false),
        ] {
            let failure = try #require(throws: Failure.self) {
                try MemoryForecast.check(
                    RunShape(large, [], layout: layout, ranksOnNode: 1, zero: zero), tokensPerMicroBatch: 10, available: 1 << 30, place: "run.yaml")
            }
            #expect(failure.remedy.contains("parallel.zero: 1") == isTold)
        }
    }

    @Test("of a group that is cut by the node's edge the ranks that hold most are counted")
    func uneven() {
        var uneven = small
        (uneven.headCount, uneven.keyValueHeadCount, uneven.vocabularySize) = (3, 3, 33)
        let shares = (0..<2).map { rank in
            ParameterTable(uneven).specifications.reduce(0) {
                let part = $1.part(ModelSharding(uneven, size: 2), rank: rank)
                return $0 + part.rows.count * part.columns.count
            }
        }
        #expect(shares[0] != shares[1])
        let forecast = MemoryForecast(
            RunShape(uneven, [], layout: ParallelLayout(data: 4, tensor: 2), ranksOnNode: 1), tokensPerMicroBatch: 1)
        #expect(forecast.items[0].byteCount == Double(16 * shares.max()!))
    }

    @Test("activations are what the buffers hold for each token")
    func activations() {
        // Projections 16, attention output 8, heads 4; a block is 8 + 16 + 8 + 4 + 2 · 16 + 2.
        let block = 70
        let policy = 3 * block + 4 * 8 + (2 * 8 + 16) + (2 * 8 + 16 + 16 + 8) + (4 * 8 + 1)
        #expect(forecast(ranks: 1).items[1].kind == .activations)
        #expect(forecast(ranks: 1).items[1].byteCount == Double(4 * 10 * policy))
        #expect(forecast(ranks: 3, tokens: 7).items[1].byteCount == Double(3 * 4 * 7 * policy))

        // A frozen one keeps a block; in two bytes a number its largest matrix, 8 · 16, is widened.
        let frozen = block + 2 * 8 + (2 * 8 + 16) + (2 * 8 + 1)
        let float: RunShape.Reference = RunShape.Reference(name: "a", model: small, storedByteCount: 4 * smallCount)
        let half: RunShape.Reference = RunShape.Reference(name: "a", model: small, storedByteCount: 2 * smallCount)
        #expect(forecast([float], ranks: 2).items[2].byteCount == Double(2 * 4 * 10 * (policy + frozen)))
        #expect(forecast([half], ranks: 2).items[2].byteCount == Double(2 * 4 * (10 * (policy + frozen) + 8 * 16)))

        // A tensor rank has half of the heads and of the feed-forward columns.
        let shard = 8 + 8 + 4 + 2 + 2 * 8 + 2
        let half2 = 3 * shard + 4 * 8 + (2 * 8 + 8) + (2 * 8 + 8 + 8 + 4) + (4 * 8 + 1)
        #expect(forecast(tensor: 2, ranks: 2).items[1].byteCount == Double(2 * 4 * 10 * half2))
    }

    @Test(
        "what is computed again is there once, not once a layer; a reference takes no more and no less",
        arguments: [(Recomputation.attention, 2 * 29), (.block, 2 * 29 + 2 * 41)])
    func recomputation(_ recompute: Recomputation, saved: Int) throws {
        // Of attention 16 + 8 + 4 + 1 floats a token, of the feed-forward layer 8 + 2 · 16 + 1; three layers.
        for references in [[], [RunShape.Reference(name: "a", model: small, storedByteCount: 4 * smallCount)]] as [[RunShape.Reference]] {
            let whole = forecast(references, ranks: 2).byteCount
            let forecast = MemoryForecast(
                RunShape(small, references, layout: ParallelLayout(data: 8, tensor: 1), ranksOnNode: 2, recompute: recompute), tokensPerMicroBatch: 10
            )
            #expect(whole - forecast.byteCount == Double(2 * 4 * 10 * saved))
        }
        let failure = try #require(throws: Failure.self) {
            try MemoryForecast.check(
                RunShape(small, [], layout: .single, ranksOnNode: 1, recompute: recompute), tokensPerMicroBatch: 1 << 40, available: 1 << 30,
                place: "run.yaml")
        }
        #expect(failure.remedy.contains("schedule.recompute: block") == (recompute == .attention))
    }

    @Test("a snapshot takes 12 bytes a parameter, shared by the data ranks, and is no reason to refuse a run")
    func snapshot() {
        // Three of eight data ranks are on the node.
        #expect(forecast(ranks: 3).snapshotByteCount == Double(3 * 12 * smallCount) / 8)
        let whole = forecast(ranks: 3)
        #expect(whole.byteCount == whole.items.reduce(0) { $0 + $1.byteCount })
    }

    @Test("a reference is there once a node, whatever the number of ranks")
    func references() {
        let stored = 4 * smallCount
        func bytes(tensor: Int = 1, ranks: Int) -> Double {
            forecast([RunShape.Reference(name: "teacher", model: small, storedByteCount: stored)], tensor: tensor, ranks: ranks).items[1].byteCount
        }
        #expect(bytes(ranks: 1) == Double(stored))
        #expect(bytes(ranks: 8) == Double(stored))
        #expect(bytes(tensor: 2, ranks: 4) == Double(stored))
        // Half of the matrices and all norms, of a group that spans two nodes.
        #expect(abs(bytes(tensor: 2, ranks: 1) - Double(stored / 2 + 4 * 7 * 8 / 2)) < 1e-6)
    }

    @Test("a reference on some of the ranks has activations there only")
    func placed() {
        let placement = ReferencePlacement(ranks: [1], layout: .single)
        let stored = 4 * smallCount
        let (alone, everywhere) = (
            forecast([RunShape.Reference(name: "teacher", model: small, storedByteCount: stored, placement: placement)], ranks: 8),
            forecast([RunShape.Reference(name: "teacher", model: small, storedByteCount: stored)], ranks: 8)
        )
        let without = forecast([], ranks: 8)
        func activations(_ forecast: MemoryForecast) -> Double { forecast.items.last!.byteCount }
        #expect(alone.items[1].byteCount == Double(stored))
        let once = activations(alone) - activations(without)
        #expect(once > 0 && abs(activations(everywhere) - activations(without) - 8 * once) < 1e-6)
    }

    @Test("a cache takes 8 bytes a scored row on every rank, and can be refused by name")
    func caches() throws {
        let references: [RunShape.Reference] = [RunShape.Reference(name: "ref", model: small, storedByteCount: 4 * smallCount)]
        let forecast = MemoryForecast(
            RunShape(small, references, layout: ParallelLayout(data: 2, tensor: 2), ranksOnNode: 3), tokensPerMicroBatch: 10,
            cachedRows: [("ref", 1000)])
        #expect(forecast.items.last!.kind == .cache(reference: "ref"))
        #expect(forecast.items.last!.byteCount == 3 * 8 * 1000)
        let failure = try #require(throws: Failure.self) {
            try MemoryForecast.check(
                RunShape(small, references, layout: .single, ranksOnNode: 1), tokensPerMicroBatch: 10, cachedRows: [("ref", 1 << 32)],
                available: 1 << 30, place: "run.yaml")
        }
        #expect(failure.reason.contains("32.0 GiB of it for the cached values of reference ref"))
        #expect(failure.remedy.contains("references.ref.cache: off"))
    }

    @Test("a run that fits to the byte passes; one byte less is refused")
    func edge() throws {
        let references: [RunShape.Reference] = [RunShape.Reference(name: "teacher", model: small, storedByteCount: 2 * smallCount)]
        let needed = Int(forecast(references, ranks: 2).byteCount)
        func check(_ available: Int) throws(Failure) {
            try MemoryForecast.check(
                RunShape(small, references, layout: ParallelLayout(data: 8, tensor: 1), ranksOnNode: 2), tokensPerMicroBatch: 10,
                available: available, place: "run.yaml")
        }
        try check(needed)
        let failure = try #require(throws: Failure.self) { try check(needed - 1) }
        #expect(failure.exitCode == .configuration && failure.place == "run.yaml")
    }

    /// Llama 3.1 8B: 8,030,261,248 parameters.
    private let large = ModelConfiguration(
        family: .llama, vocabularySize: 128_256, hiddenSize: 4096, feedForwardSize: 14_336, layerCount: 32,
        headCount: 32, keyValueHeadCount: 8, headDimension: 128, ropeTheta: 500_000, normEpsilon: 1e-5,
        tiedEmbeddings: false, projectionBias: false, maximumPositions: 131_072, initializerRange: 0.02)

    private func refusal(
        policy: ModelConfiguration, _ references: [RunShape.Reference] = [], ranks: Int = 1, tokens: Int = 100,
        available: Int = 64 << 30
    ) throws -> String {
        try #require(throws: Failure.self) {
            try MemoryForecast.check(
                RunShape(policy, references, layout: ParallelLayout(data: ranks, tensor: 1), ranksOnNode: ranks), tokensPerMicroBatch: tokens,
                available: available, place: "run.yaml")
        }.description
    }

    @Test("the refusal names the largest part, the sum, what there is, and what helps it")
    func texts() throws {
        // 16 · 8,030,261,248 bytes, and activations.
        #expect(
            try refusal(policy: large, available: 25_125_000_000)
                == "run.yaml: the run needs 120.3 GiB of memory on this node for one rank, 119.7 GiB of it for the policy's "
                + "weights, gradients and moments, but 23.4 GiB are available. Use more nodes, more tensor ranks "
                + "(parallel.tensor) in place of data ranks, or a smaller model.")
        let floats: RunShape.Reference = RunShape.Reference(name: "teacher", model: large, storedByteCount: 4 * large.parameterCount)
        #expect(
            try refusal(policy: small, [floats], available: 16 << 30)
                == "run.yaml: the run needs 29.9 GiB of memory on this node for one rank, 29.9 GiB of it for reference "
                + "teacher, but 16.0 GiB are available. Set references.teacher.storage: bfloat16, spread more tensor ranks "
                + "(parallel.tensor) over more nodes, or choose a smaller model.")
        // Both ranks would share the copy; of what is bfloat16 already there is no smaller one.
        #expect(
            try refusal(policy: small, [floats], ranks: 2, available: 16 << 30).contains(
                ". Set references.teacher.storage: bfloat16,"))
        let narrow: RunShape.Reference = RunShape.Reference(name: "teacher", model: large, storedByteCount: 2 * large.parameterCount)
        #expect(
            try refusal(policy: small, [narrow], ranks: 2, available: 8 << 30).hasSuffix(
                ". Spread more tensor ranks (parallel.tensor) over more nodes, or choose a smaller model."))
        #expect(
            try refusal(policy: small, ranks: 2, tokens: 1 << 40).contains(
                "of it for the activations of 1099511627776 tokens a micro-batch, but 64.0 GiB are available. "
                    + "Lower schedule.tokens_per_micro_batch,"))
        #expect(try refusal(policy: small, tokens: Int.max).contains("the activations of"))
    }

    @Test("a reference is mapped in the file's type, and converted where another is asked for")
    func storage() throws {
        let folder = TemporaryFolder()
        let count = unevenConfiguration(.qwen2).parameterCount
        for (type, bytes) in [(ElementType.float32, 4), (.bfloat16, 2)] {
            let origin = try ModelOrigin(
                checkpoint: makeCheckpoint(
                    unevenConfiguration(.qwen2), seed: 1, elementType: type, in: folder, named: "\(type)"))
            let held = ReferenceStorage.allCases.map { RunShape.Reference("teacher", origin, storage: $0) }
            #expect(held.map(\.storedByteCount) == [bytes * count, 4 * count, 2 * count])
            #expect(held.allSatisfy { $0.name == "teacher" && $0.model == origin.configuration })
        }
    }

    @Test("a teacher of a terabyte is refused by its header alone")
    func terabyte() throws {
        let folder = TemporaryFolder()
        // 549,300,060,160 parameters of two bytes: 1.1 TB.
        var giant = large
        (giant.vocabularySize, giant.hiddenSize, giant.feedForwardSize) = (128_256, 16_384, 53_248)
        (giant.layerCount, giant.headCount) = (171, 128)
        let teacher = try makeEmptyCheckpoint(giant, in: folder, named: "teacher")
        let origin = try ModelOrigin(checkpoint: teacher)
        let byteCount = 2 * origin.configuration.parameterCount
        let reference = RunShape.Reference("teacher", origin, storage: .file)
        #expect(reference.storedByteCount == byteCount && byteCount > 1_000_000_000_000)
        let failure = try #require(throws: Failure.self) {
            try MemoryForecast.check(
                RunShape(small, [reference], layout: .single, ranksOnNode: 1), tokensPerMicroBatch: 4096, place: "run.yaml")
        }
        #expect(failure.exitCode.rawValue == 78)
        #expect(failure.reason.contains(String(format: "%.1f GiB of it for reference teacher", Double(byteCount) / 0x1p30)))
    }

    // MARK: What there is

    private func available(_ files: [String: String]) throws -> Int {
        let folder = TemporaryFolder()
        for (name, text) in files {
            let url = URL(fileURLWithPath: folder.file(name))
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return MemoryForecast.availableByteCount(root: folder.path)
    }

    private let memory = "MemTotal:  2000 kB\nMemFree:  100 kB\nMemAvailable:  1000 kB\nSwapFree: 5000 kB\n"

    @Test("available is what the kernel says, or the lowest limit of the control groups around the process")
    func availableMemory() throws {
        #expect(try available(["proc/meminfo": memory]) == 1_024_000)
        let second = ["proc/meminfo": memory, "proc/self/cgroup": "0::/job/step\n"]
        #expect(try available(second.merging(["sys/fs/cgroup/job/step/memory.max": "max\n"]) { $1 }) == 1_024_000)
        #expect(try available(second.merging(["sys/fs/cgroup/job/step/memory.max": "9000000\n"]) { $1 }) == 1_024_000)
        #expect(
            try available(
                second.merging([
                    "sys/fs/cgroup/job/step/memory.max": "500000\n", "sys/fs/cgroup/job/memory.max": "400000\n",
                ]) { $1 }) == 400_000)
        // A container sees the group's files at the root, and may name it by its path outside.
        #expect(try available(second.merging(["sys/fs/cgroup/memory.max": "300000\n"]) { $1 }) == 300_000)
        let first = [
            "proc/meminfo": memory, "proc/self/cgroup": "5:cpu,memory:/job\n1:name=systemd:/job\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        ]
        #expect(try available(first) == 1_024_000)
        #expect(
            try available(first.merging(["sys/fs/cgroup/memory/job/memory.limit_in_bytes": "200000\n"]) { $1 }) == 200_000)
    }

    @Test("a system that doesn't say refuses nothing; this one says")
    func unknown() throws {
        #expect(try available([:]) == Int.max)
        #expect((1 << 20..<1 << 50).contains(MemoryForecast.availableByteCount()))
    }
}
