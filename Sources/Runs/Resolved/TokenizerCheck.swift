import Datasets
import Settings
import Tokenization

extension ResolvedRun {
    /// - Returns: a notice for the user if the tokens could not be compared.
    /// - Throws: `Failure` (configuration) for a dataset whose ids stand for other tokens than the policy's.
    package func checkTokenizer() throws(Failure) -> [String] {
        let training = [training].compactMap(\.self).map { (place: "\(configuration.file): data.train", file: $0) }
        let validation = validation.map { (place: "\(configuration.file): data.validation", file: $0.file) }
        return try policy.checkTokenizer(of: training + validation)
    }
}

extension ModelOrigin {
    /// Refuses datasets whose ids stand for other tokens than the model's. Accepted without a comparison: data prepared
    /// without a tokenizer, a model without one, or a tokenizer of an unsupported kind.
    ///
    /// - Parameter datasets: each with its key or option, for errors.
    /// - Returns: a notice if the data have a tokenizer but the model's can't be read.
    package func checkTokenizer(of datasets: [(place: String, file: DatasetFile)]) throws(Failure) -> [String] {
        // The model's tokenizer is read only if a dataset has one to compare with.
        guard let known = datasets.first(where: { $0.file.tokenizer != nil })?.file, let folder = tokenizerFolder else { return [] }
        let own: TokenizerIdentity
        switch try TokenizerIdentity.read(folder: folder) {
        case .success(let identity): own = identity
        case .failure(let unreadable):
            return [
                "whether the ids of \(known.path) are tokens of \(name) is not checked: \(unreadable.place): \(unreadable.reason)"
            ]
        }
        for (place, file) in datasets {
            guard let tokenizer = file.tokenizer, tokenizer != own else { continue }
            throw .configuration(
                place, "\(file.path) was prepared with other tokens than those in the model's \(folder)/tokenizer.json",
                remedy: "Prepare it again with --tokenizer \(folder), or name the model that the dataset was made for.")
        }
        return []
    }
}
