import Foundation
import JSON
import Settings
import Tensors

/// A model in a GGUF file, with the names, the order of rows, `config.json` and tokenizer files of a Hugging Face folder.
///
/// Tensors stay in the mapped file, in their own type. Numbers are decoded a few rows at a time.
public struct GGUFCheckpoint: Sendable {
    public let file: GGUFFile
    public let configuration: ModelConfiguration

    let table: GGUFTensorTable
    let tokenizer: GGUFTokenizer

    /// - Throws: `Failure`: missing, damaged data, or configuration (a model, type or tokenizer that is not implemented).
    public init(path: String) throws(Failure) { try self.init(GGUFFile(path: path)) }

    /// - Throws: `Failure`: damaged data, or configuration (a model, type or tokenizer that is not implemented).
    public init(_ file: GGUFFile) throws(Failure) {
        self.file = file
        configuration = try GGUFArchitecture(file).configuration
        table = try GGUFTensorTable(file, configuration)
        tokenizer = try GGUFTokenizer(file.metadata, configuration)
    }

    /// For a person: the number of used tokens, the style of the tokenizer, and whether it has a chat template.
    public var tokenizerSummary: String {
        let used = tokenizer.kinds.count { $0 != .unused }
        let template = tokenizer.chatTemplate == nil ? "no chat template" : "a chat template"
        return "\(used) tokens, \(tokenizer.style.rawValue) byte-level BPE, \(template)"
    }

    /// Names of chat templates for other purposes. They are left out, because a Hugging Face folder has no place for them.
    public var furtherChatTemplates: [String] { tokenizer.otherTemplates }

    /// `config.json` for weights that are stored as `elementType`, with the special token ids.
    func configurationJSON(elementType: ElementType) throws(Failure) -> Data {
        let json = HuggingFaceConfiguration.json(for: configuration, elementType: elementType)
        var members = try JSONValue([UInt8](json), place: file.path).members ?? []
        members += tokenizer.identifiers.map { JSONValue.Member(name: JSONString($0), value: $1) }
        members.sort { $0.name.string < $1.name.string }
        return JSONValue.object(members).file
    }

    /// The rows `range` of a tensor of `table`, in Hugging Face's order.
    func rows(_ range: Range<Int>, of entry: GGUFTensorTable.Entry) -> Matrix {
        file.rows(range.map(entry.storedRow), of: entry.stored)
    }
}
