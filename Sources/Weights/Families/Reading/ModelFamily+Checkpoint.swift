import Settings

extension ModelFamily {
    /// How the family's checkpoints are read.
    var checkpoint: any CheckpointFamily {
        switch self {
        case .llama: LlamaFamily()
        case .qwen2: Qwen2Family()
        case .qwen3: Qwen3Family()
        case .mistral: MistralFamily()
        case .internlm3: InternLM3Family()
        case .seedOSS: SeedOSSFamily()
        case .phi3: Phi3Family()
        case .smollm3: SmolLM3Family()
        case .granite: GraniteFamily()
        case .olmo2: OLMo2Family()
        case .olmo3: OLMo3Family()
        case .gemma: GemmaFamily()
        case .gemma2: Gemma2Family()
        case .gemma3: Gemma3Family()
        case .glm4: GLM4Family()
        case .hunyuan: HunyuanFamily()
        case .exaone4: Exaone4Family()
        case .stablelm: StableLMFamily()
        case .starcoder2: Starcoder2Family()
        case .cohere: CohereFamily()
        case .cohere2: Cohere2Family()
        case .gpt2: GPT2Family()
        case .gptNeoX: GPTNeoXFamily()
        }
    }
}
