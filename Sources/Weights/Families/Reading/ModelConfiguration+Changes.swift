import Settings

extension ModelConfiguration {
    /// Changes all blocks in the same way.
    mutating func changeBlocks<Error>(_ change: (inout BlockConfiguration) throws(Error) -> Void) throws(Error) {
        for index in blocks.indices { try change(&blocks[index]) }
    }

    /// Biases of all four projections of attention.
    mutating func setAttentionBias(_ isThere: Bool) {
        setAttentionBias(isThere, output: isThere)
    }

    mutating func setAttentionBias(_ isThere: Bool, output: Bool) {
        changeBlocks {
            $0.attention.projectionBias = isThere
            $0.attention.outputBias = output
        }
    }

    /// Norms of queries and keys as the model's own norms, without their bias.
    mutating func setQueryKeyNorm(_ span: AttentionConfiguration.QueryKeyNorm.Span, followsRotary: Bool = false) {
        changeBlocks { block in
            var norm = block.norm
            norm.hasBias = false
            block.attention.queryKeyNorm = .init(norm, span: span, followsRotary: followsRotary)
        }
    }
}
