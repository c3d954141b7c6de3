import Model
import Settings
import Weights

extension ModelOrigin {
    /// A student that begins with chosen blocks of a checkpoint: block i is the checkpoint's block `layers[i]`.
    ///
    /// The full checkpoint is checked, as for training it. Its weights are not the student's, so `folder` is nil.
    ///
    /// - Parameters:
    ///   - folder: the checkpoint's folder. The student's exports get its tokenizer.
    ///   - place: the configuration's file, for errors.
    public init(layers: [Int], of folder: String, place: String) throws(Failure) {
        let whole = try ModelOrigin(checkpoint: folder)
        guard let checkpoint = whole.source as? HuggingFaceCheckpoint else { brokenInvariant("\(folder) is no checkpoint") }
        let selection = try LayerSelection(checkpoint, layers: layers, place: place)
        self.folder = nil
        tokenizerFolder = folder
        name = "layers \(layers.map(String.init).joined(separator: ", ")) of \(whole.name)"
        configuration = selection.configuration
        source = selection
        configurationJSON = selection.configurationJSON
        notices = whole.notices
    }
}
