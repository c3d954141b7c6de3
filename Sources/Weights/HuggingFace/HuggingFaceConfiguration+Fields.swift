import JSON
import Settings

extension HuggingFaceConfiguration {
    /// Fields of all families whose values define the model. `architectures` has its own check.
    static let readFields: Set<String> = [
        "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "rope_theta", "rope_parameters", "tie_word_embeddings", "max_position_embeddings",
        "initializer_range", "rope_scaling", "partial_rotary_factor",
        // Read by some families, and checked for the others.
        "rms_norm_eps", "hidden_act", "attention_multiplier", "query_pre_attn_scalar", "use_sliding_window", "layer_types",
    ]

    /// Fields that change the mathematics and that `family` does not read, with the values that Tandem implements, the usual
    /// value first. Null means the default of Transformers, which is the usual value.
    static func fixedFields(besides family: some CheckpointFamily) -> [String: [JSONValue]] {
        // In Qwen2, queries, keys and values always have biases, and its configuration has no such field.
        commonFixedFields.filter { !family.fields.contains($0.key) && !($0.key == "attention_bias" && family is Qwen2Family) }
    }

    static let commonFixedFields: [String: [JSONValue]] = fields(
        [
            (
                .bool(false),
                [
                    // Biases of Cohere, OLMo, StarCoder and others.
                    "attention_bias", "mlp_bias", "use_bias", "lm_head_bias", "attention_out_bias",
                    // Norms of queries and keys, parallel blocks, other kinds of positions.
                    "qk_layernorm", "use_qk_norm", "qk_norm", "use_parallel_residual", "parallel_attn", "alibi", "rope_interleaved",
                    "use_mrope", "use_dynamic_ntk", "use_logn_attn", "use_bidirectional_attention",
                    "is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder",
                ]
            ),
            (.bool(true), ["is_causal"]),
            // Factors of Granite, MiniCPM and Cohere; parts of rotary positions.
            (
                .integer(1),
                [
                    "residual_multiplier", "embedding_multiplier", "logits_scaling", "logit_scale", "scale_emb", "mup_width_scale",
                    "rotary_pct", "rope_ratio", "pretraining_tp",
                ]
            ),
            (
                .integer(0),
                [
                    "attention_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "hidden_dropout", "residual_dropout",
                    "embedding_dropout", "attention_probs_dropout_prob", "hidden_dropout_prob",
                ]
            ),
            // Fields of Gemma 2, OLMo and encoder-decoders. Only null has no effect.
            (
                .null,
                [
                    "final_logit_softcapping", "attn_logit_softcapping", "clip_qkv", "cross_attention_hidden_size", "text_config",
                    "vision_config", "compression_config",
                ]
            ),
        ]
    ).merging(["pruned_heads": [.object([])]]) { $1 }

    private static func fields(_ groups: [(value: JSONValue, names: [String])]) -> [String: [JSONValue]] {
        Dictionary(uniqueKeysWithValues: groups.flatMap { group in group.names.map { ($0, [group.value]) } })
    }

    /// Fields that don't change the logits: names, token ids, storage, returned values, and defaults of generation.
    static let harmlessFields: Set<String> = [
        // Origin and storage.
        "_name_or_path", "name_or_path", "transformers_version", "transformers.js_config", "dtype", "torch_dtype",
        "use_bfloat16", "bf16", "fp16", "fp32", "auto_map",
        "unsloth_fixed", "unsloth_version", "is_llama_config", "_attn_implementation", "_attn_implementation_autoset",
        "attn_implementation", "_commit_hash", "tokenizer_class",
        // The choice of a kernel for the same operation.
        "use_flash_attention", "use_flash_attn", "use_flash_attention_2", "_flash_attn_2_enabled", "fused_linear_cross_entropy",
        // Token ids.
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id",
        // Kept and returned values. `is_decoder` has no effect: the architecture always has the causal mask.
        "use_cache", "output_attentions", "output_hidden_states", "output_scores", "return_dict",
        "return_dict_in_generate",
        "torchscript", "tf_legacy_loss", "chunk_size_feed_forward", "is_decoder", "gradient_checkpointing", "loss_type",
        // `use_sliding_window` has its own check; without it the first two fields have no effect. Nor has the third without
        // `rope_scaling`.
        "sliding_window", "max_window_layers", "original_max_position_embeddings",
        // Heads of other tasks.
        "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params", "prefix",
        // Defaults of generation. Older checkpoints have no generation_config.json.
        "max_sequence_length", "model_max_length", "max_seq_len", "max_seq_length", "seq_length", "max_length", "min_length",
        "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
        "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "forced_bos_token_id",
        "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens",
        "begin_suppress_tokens", "cache_implementation",
    ]
}
