import Files
import Foundation
import JSON
import Settings

/// The files of a model's folder: those that Tandem writes, and those that Hugging Face's libraries write beside weights.
///
/// Only these are replaced. A name alone does not make one: what other programs call `config.json`, `vocab.json` or
/// `model.safetensors` too must also hold what a model has there.
public enum ModelFolderFile {
    /// Names that nothing else has.
    private static let plainNames: Set = [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "tokenizer.model", "chat_template.jinja", "chat_template.json", "model.safetensors.index.json",
    ]
    /// Names that other programs use too.
    private static let sharedNames: Set = ["config.json", "vocab.json", "merges.txt", FolderDigests.fileName]
    /// The largest file that is looked into.
    private static let byteLimit = 64 << 20

    /// Whether the entry `name` of `folder` is such a file. A symbolic link counts by what it leads to: hubs keep caches that way,
    /// and only the link is ever removed.
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

    /// The first entry, in alphabetical order, that is none; nil where all are.
    public static func firstOther(in folder: String) -> String? { names(in: folder).first { !isOne($0, in: folder) } }

    /// Whether an entry has a model's name and holds something else: a new model's file would replace it.
    public static func holdsImpostor(_ folder: String) -> Bool {
        names(in: folder).contains { isName($0) && !isOne($0, in: folder) }
    }

    /// Why such an entry is none, to follow its name.
    static func objection(to name: String) -> String {
        isName(name) ? "which is not what a model's folder has under that name" : "which is no file of a model's folder"
    }

    private static func members(_ path: String) -> [JSONString: JSONValue] {
        guard let bytes = try? InputFile.bytes(path: path, byteLimit: byteLimit, remedy: ""),
            let members = try? JSONValue(bytes, place: path).members
        else { return [:] }
        return Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// `#version`, or pairs of tokens.
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
