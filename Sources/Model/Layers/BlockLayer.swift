import Settings

/// One block: attention and a feed-forward layer with their norms.
struct BlockLayer: Sendable {
    let configuration: BlockConfiguration
    /// Before attention; nil in a post-norm block.
    let attentionNorm: NormLayer?
    let attention: AttentionLayer
    /// Behind attention, in post-norm and sandwich blocks.
    let attentionOutputNorm: NormLayer?
    /// Before the feed-forward layer; nil in a post-norm block, and where attention's norm serves both.
    let feedForwardNorm: NormLayer?
    let feedForward: FeedForwardLayer
    let feedForwardOutputNorm: NormLayer?
    /// The first index of attention's parameters, and of the feed-forward layer's, which follow them.
    let firstOfAttention: Int
    let firstOfFeedForward: Int
    private let end: Int
    /// The block's parameters in the table.
    var indices: Range<Int> { firstOfAttention..<end }

    init(_ index: Int, _ model: ModelConfiguration, in list: inout ParameterList) {
        let name = "model.layers.\(index)."
        let block = model.blocks[index]
        configuration = block
        func norm(_ name: String, in list: inout ParameterList) -> NormLayer {
            NormLayer(name, block.norm, width: model.hiddenSize, in: &list)
        }
        let hasOutputNorms = block.residual == .postNorm || block.residual == .sandwich
        firstOfAttention = list.nextIndex
        attentionNorm = block.residual == .postNorm ? nil : norm(name + "input_layernorm", in: &list)
        attention = AttentionLayer(name + "self_attn", block.attention, width: model.hiddenSize, in: &list)
        attentionOutputNorm = hasOutputNorms ? norm(name + "attention_output_layernorm", in: &list) : nil
        firstOfFeedForward = list.nextIndex
        let hasOwnNorm = block.residual != .postNorm && block.residual != .parallel(isNormShared: true)
        feedForwardNorm = hasOwnNorm ? norm(name + "post_attention_layernorm", in: &list) : nil
        feedForward = FeedForwardLayer(name + "mlp", block.feedForward, width: model.hiddenSize, in: &list)
        feedForwardOutputNorm = hasOutputNorms ? norm(name + "feed_forward_output_layernorm", in: &list) : nil
        end = list.nextIndex
    }

    var isParallel: Bool { configuration.isParallel }
}
