import Costs
import Model
import References
import Settings
import Weights

extension ModelOrigin {
    /// Bytes of the weights in their file's own type, as a frozen model holds them: a model that is initialised at random in float32.
    var storedByteCount: Int {
        let stored = RunShape.Reference(name, self, storage: .file).storedByteCount
        return stored > 0 ? stored : 4 * configuration.parameterCount
    }
}

extension RunShape.Reference {
    /// A reference that holds `origin` in `storage`. Only headers are read.
    public init(_ name: String, _ origin: ModelOrigin, storage: ReferenceStorage, placement: ReferencePlacement? = nil) {
        let table = ParameterTable(origin.configuration)
        let checkpoint = origin.source as? HuggingFaceCheckpoint
        let tensors = table.specifications.compactMap { specification in
            checkpoint?.tensor(named: specification.name).map { (specification.isVector, tensor: $0) }
        }
        let target = storage.elementType
        let converted = target != nil && tensors.contains { isVector, tensor in !isVector && tensor.type.elementType != target }
        let stored =
            converted
            ? origin.configuration.parameterCount * target!.byteCount : tensors.reduce(0) { $0 + $1.tensor.byteCount }
        self.init(name: name, model: origin.configuration, storedByteCount: stored, placement: placement)
    }
}

extension RunShape {
    /// The shape that `run` is configured to have. The data decide `keepsLogits`, so it is false here.
    package init(_ run: ResolvedRun, ranksPerNode: Int, threads: Int) {
        let references = run.references.map { settings, origin in
            let needs = run.needs(ofReference: settings.name)
            var reference = Reference(settings.name, origin, storage: settings.storage, placement: run.placements[settings.name])
            (reference.scores, reference.teaches) = (needs.logProbabilities, needs.distributions)
            (reference.matchedLayerCount, reference.isCached) = (needs.layers.count, settings.cache == .memory)
            return reference
        }
        self.init(
            policy: run.policy.configuration, references: references, layout: run.layout, ranksPerNode: ranksPerNode,
            threads: threads, recompute: run.configuration.schedule.recompute, zero: run.configuration.parallel.zero)
    }
}
