import Datasets
import Settings
import Tokenization

extension ResolvedRun {
    /// - Throws: `Failure` (configuration) for a dataset whose ids stand for other tokens than the policy's.
    func checkTokenizer() throws(Failure) {
        let training = [training].compactMap(\.self).map { (place: "\(configuration.file): data.train", file: $0) }
        let validation = validation.map { (place: "\(configuration.file): data.validation", file: $0.file) }
        try policy.checkTokenizer(of: training + validation)
    }
}

extension ModelOrigin {
    /// Refuses datasets whose ids stand for other tokens than the model's. One side that says nothing is accepted: data
    /// prepared without a tokenizer, a model without one, or with one of a kind that is not supported.
    ///
    /// - Parameter datasets: with the key or option that names each.
    func checkTokenizer(of datasets: [(place: String, file: DatasetFile)]) throws(Failure) {
        // The model's is read only where there is something to compare it with.
        guard datasets.contains(where: { $0.file.tokenizer != nil }), let folder = tokenizerFolder,
            let own = try TokenizerIdentity(folder: folder)
        else { return }
        for (place, file) in datasets {
            guard let tokenizer = file.tokenizer, tokenizer != own else { continue }
            throw .configuration(
                place, "\(file.path) was prepared with other tokens than those of the model, \(folder)/tokenizer.json",
                remedy: "Prepare it again with --tokenizer \(folder), or name the model that it was made for.")
        }
    }
}
