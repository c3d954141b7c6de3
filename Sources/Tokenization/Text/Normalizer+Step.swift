extension Normalizer.Step {
    /// The text after this step, as Hugging Face's `tokenizers` makes it.
    func applied(to text: String) -> String {
        switch self {
        case .composed: UnicodeForm.composed(text, isCompatible: false)
        case .decomposed: UnicodeForm.decomposed(text, isCompatible: false)
        case .compatibilityComposed: UnicodeForm.composed(text, isCompatible: true)
        case .compatibilityDecomposed: UnicodeForm.decomposed(text, isCompatible: true)
        // Character by character: no final sigma.
        case .lowercase: text.unicodeScalars.map { $0.properties.lowercaseMapping }.joined()
        }
    }
}
