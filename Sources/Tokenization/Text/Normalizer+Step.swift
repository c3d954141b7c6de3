extension Normalizer.Step {
    /// The text after this step, as Hugging Face's `tokenizers` makes it.
    func applied(to text: String) -> String {
        switch self {
        case .composed: UnicodeForm.composed(text, isCompatible: false)
        case .decomposed: UnicodeForm.decomposed(text, isCompatible: false)
        case .compatibilityComposed: UnicodeForm.composed(text, isCompatible: true)
        case .compatibilityDecomposed: UnicodeForm.decomposed(text, isCompatible: true)
        // As in Hugging Face, each character is mapped alone: a sigma at the end of a word is not special.
        case .lowercase: text.unicodeScalars.map { $0.properties.lowercaseMapping }.joined()
        }
    }
}
