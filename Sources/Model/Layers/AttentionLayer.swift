import Kernels
import Settings

// E head dimension, H query heads, G key/value heads.

/// Attention with its projections. Query, key and value are column-parallel, output is row-parallel; a rank has complete
/// groups of heads.
struct AttentionLayer: Sendable {
    let configuration: AttentionConfiguration
    private(set) var query, key, value, output: LinearLayer
    let queryNorm, keyNorm: NormLayer?
    /// Index of the sinks `[1, H]`.
    let sinks: Int?

    init(_ name: String, _ configuration: AttentionConfiguration, width: Int, in list: inout ParameterList) {
        self.configuration = configuration
        let queryWidth = configuration.headCount * configuration.headDimension
        let keyWidth = configuration.keyValueHeadCount * configuration.headDimension
        query = LinearLayer(name + ".q_proj", outputs: queryWidth, inputs: width, .columnParallel(.queryHeads), in: &list)
        key = LinearLayer(name + ".k_proj", outputs: keyWidth, inputs: width, .columnParallel(.keyValueHeads), in: &list)
        value = LinearLayer(name + ".v_proj", outputs: keyWidth, inputs: width, .columnParallel(.keyValueHeads), in: &list)
        output = LinearLayer(name + ".o_proj", outputs: width, inputs: queryWidth, .rowParallel(.queryHeads), in: &list)
        if configuration.projectionBias {
            query.addBias(count: queryWidth, in: &list)
            key.addBias(count: keyWidth, in: &list)
            value.addBias(count: keyWidth, in: &list)
        }
        if configuration.outputBias { output.addBias(count: width, in: &list) }
        (queryNorm, keyNorm) = AttentionLayer.norms(name, configuration, in: &list)
        sinks =
            configuration.hasSinks
            ? list.vector(name + ".sinks", configuration.headCount, .columns(.queryHeadNumbers), .zeros) : nil
    }

    private static func norms(
        _ name: String, _ configuration: AttentionConfiguration, in list: inout ParameterList
    ) -> (query: NormLayer?, key: NormLayer?) {
        guard let norms = configuration.queryKeyNorm else { return (nil, nil) }
        invariant(
            norms.span != .allHeads || (norms.norm.weight != .none && norms.norm.kind == .rootMeanSquare),
            "a norm over all heads is a root mean square with a weight")
        func norm(_ name: String, heads: Int, _ axis: ShardAxis, in list: inout ParameterList) -> NormLayer {
            let width = configuration.headDimension
            switch norms.span {
            case .head:
                return NormLayer(
                    name, norms.norm, segmentWidth: width, parameterCount: width, .replicated, in: &list)
            case .headWithOwnWeight:
                return NormLayer(
                    name, norms.norm, segmentWidth: width, sharesWeight: false, parameterCount: heads * width, .columns(axis), in: &list)
            case .allHeads:
                return NormLayer(
                    name, norms.norm, parameterCount: heads * width, .columns(axis), in: &list)
            }
        }
        return (
            norm(name + ".q_norm", heads: configuration.headCount, .queryHeads, in: &list),
            norm(name + ".k_norm", heads: configuration.keyValueHeadCount, .keyValueHeads, in: &list)
        )
    }

    /// The linear layers, the norms and the sinks, for observers of gradients.
    var parameters: [Int] {
        [output, query, key, value].map(\.weight) + [query, key, value, output].compactMap(\.bias)
            + [queryNorm, keyNorm].compactMap(\.self).flatMap(\.parameters) + [sinks].compactMap(\.self)
    }
}
