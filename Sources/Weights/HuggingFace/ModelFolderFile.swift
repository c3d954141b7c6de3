import Files
import Foundation
import JSON
import Settings

/// The files of a model's folder: files that Tandem writes, and files that Hugging Face's libraries write beside weights.
///
/// Tandem replaces only these files. The name is not enough: other programs also use names such as `config.json`, `vocab.json`
/// or `model.safetensors`, so such a file must also have the content of a model's file.
public enum ModelFolderFile {
    /// Names that no other program uses.
    private static let plainNames: Set = [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "tokenizer.model", "chat_template.jinja", "chat_template.json", "model.safetensors.index.json",
    ]
    /// Names that other programs also use.
    private static let sharedNames: Set = ["config.json", "vocab.json", "merges.txt", FolderDigests.fileName]
    /// The largest file whose content is checked, bytes.
    private static let byteLimit = 64 << 20

    /// Whether the entry `name` of `folder` is a model's file. A symbolic link counts as its target, because caches of model
    /// hubs consist of links. Only the link is ever removed.
    public static func isOne(_ name: String, in folder: String) -> Bool {
        let path = "\(folder)/\(name)"
        guard isName(name), FileStatus(path)?.isRegular == true else { return false }
        switch name {
        case "config.json":
            let fields = members(path)
            return fields["model_type"] != nil || fields["architectures"] != nil
        case "vocab.json":
            let fields = members(path)
            return !fields.isEmpty && fields.values.allSatisfy { $0.double != nil }
        case "merges.txt": return isMergeList(path)
        case FolderDigests.fileName: return isDigestList(of: folder)
        default: return !name.hasSuffix(".safetensors") || (try? SafetensorsFile(path: path)) != nil
        }
    }

    static func isName(_ name: String) -> Bool {
        plainNames.contains(name) || sharedNames.contains(name)
            || name.wholeMatch(of: /model(-[0-9]+-of-[0-9]+)?\.safetensors/) != nil
    }

    /// The first entry, in alphabetical order, that is not a model's file. Nil if all entries are.
    public static func firstOther(in folder: String) -> String? { names(in: folder).first { !isOne($0, in: folder) } }

    /// Whether an entry has the name of a model's file but other content. A new model's file would replace it.
    public static func holdsImpostor(_ folder: String) -> Bool {
        names(in: folder).contains { isName($0) && !isOne($0, in: folder) }
    }

    /// Why an entry is not a model's file. The text follows the entry's name in an error.
    static func objection(to name: String) -> String {
        isName(name) ? "which has other content than a model's file of this name" : "which is no file of a model's folder"
    }

    private static func members(_ path: String) -> [JSONString: JSONValue] {
        guard let bytes = try? InputFile.bytes(path: path, byteLimit: byteLimit, remedy: ""),
            let members = try? JSONValue(bytes, place: path).members
        else { return [:] }
        return Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// Whether the file begins with `#version`, or its lines are pairs of tokens.
    private static func isMergeList(_ path: String) -> Bool {
        guard let bytes = try? InputFile.bytes(path: path, byteLimit: byteLimit, remedy: "") else { return false }
        let lines = bytes.prefix(4096).split(separator: 0x0A).dropLast(bytes.count > 4096 ? 1 : 0)
        return bytes.isEmpty || lines.first?.starts(with: Array("#version".utf8)) == true
            || lines.allSatisfy { $0.split(separator: 0x20).count == 2 }
    }

    private static func isDigestList(of folder: String) -> Bool {
        guard let list = (try? FolderDigests(folder: folder)) ?? nil else { return false }
        return list.entries.allSatisfy { isName($0.name) }
    }
}
