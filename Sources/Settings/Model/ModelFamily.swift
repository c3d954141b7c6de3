/// The supported model architectures, by their `model_type` in `config.json`.
public enum ModelFamily: String, Sendable, CaseIterable {
    case llama
    case qwen2
    case qwen3
    case mistral
    case internlm3
    case seedOSS = "seed_oss"
    case phi3
    case smollm3
    case granite
    case olmo2
    case olmo3
    case gemma
    case gemma2
    case gemma3 = "gemma3_text"
    case glm4
    case hunyuan = "hunyuan_v1_dense"
    case exaone4
    case stablelm
    case starcoder2
    case cohere
    case cohere2
    case gpt2
    case gptNeoX = "gpt_neox"
}
