import JSON
import Settings

extension HuggingFaceConfiguration {
    /// Fields whose values enter the model. `architectures` and `layer_types` have checks of their own.
    static let readFields: Set<String> = [
        "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "rope_theta", "rope_parameters", "rms_norm_eps", "tie_word_embeddings",
        "max_position_embeddings", "initializer_range",
    ]

    /// Fields that change the mathematics, with the values that say what Tandem computes.
    static func fixedFields(of family: ModelFamily) -> [String: [JSONValue]] {
        switch family {
        // In Qwen2 queries, keys and values always have biases: there the field has no meaning to hold it to.
        case .llama: commonFixedFields.merging(["attention_bias": [.bool(false)]]) { $1 }
        case .qwen2: commonFixedFields
        }
    }

    private static let commonFixedFields: [String: [JSONValue]] = [
        "hidden_act": [.string("silu")],
        "mlp_bias": [.bool(false)],
        "rope_scaling": [.null],
        "partial_rotary_factor": [.integer(1), .null],
        "rope_interleaved": [.bool(false)],
        "use_mrope": [.bool(false)],
        "use_sliding_window": [.bool(false)],
        "pretraining_tp": [.integer(1)],
        "attention_dropout": [.integer(0)],
        "quantization_config": [.null],
        "auto_map": [.null],
        "is_encoder_decoder": [.bool(false)],
        "add_cross_attention": [.bool(false)],
        "cross_attention_hidden_size": [.null],
        "tie_encoder_decoder": [.bool(false)],
        "pruned_heads": [.object([])],
    ]

    /// Fields that leave the logits alone: names, token ids, storage, what is returned, and generation's defaults.
    static let harmlessFields: Set<String> = [
        // Origin and storage.
        "_name_or_path", "name_or_path", "transformers_version", "transformers.js_config", "dtype", "torch_dtype",
        "use_bfloat16",
        "unsloth_fixed", "unsloth_version", "is_llama_config", "_attn_implementation", "_attn_implementation_autoset",
        "attn_implementation", "_commit_hash", "tokenizer_class",
        // Token ids.
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id",
        // What is kept and returned; the causal mask is the architecture's, whatever `is_decoder` says.
        "use_cache", "output_attentions", "output_hidden_states", "output_scores", "return_dict",
        "return_dict_in_generate",
        "torchscript", "tf_legacy_loss", "chunk_size_feed_forward", "is_decoder", "gradient_checkpointing",
        // Without `use_sliding_window` these two are not used.
        "sliding_window", "max_window_layers",
        // Heads of other tasks.
        "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "task_specific_params", "prefix",
        // Defaults for generation, from before generation_config.json.
        "max_sequence_length", "max_length", "min_length", "do_sample", "early_stopping", "num_beams",
        "num_beam_groups", "diversity_penalty",
        "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "forced_bos_token_id",
        "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens",
        "begin_suppress_tokens",
    ]
}
