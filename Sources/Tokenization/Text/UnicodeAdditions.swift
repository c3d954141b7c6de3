/// The character classes of Hugging Face's tokenizers, written for PCRE2.
///
/// `tokenizers` splits by Unicode 16, but PCRE2 10.42 (Debian 12) knows only Unicode 14. A letter that PCRE2 does not know
/// would end a word. So every category is written together with the characters that were added later. A newer PCRE2, which
/// knows these characters itself, finds the same matches.
enum UnicodeAdditions {
    /// The characters of `\s`, written inside a class: White_Space, without the U+180E that PCRE2 adds to it.
    static let whiteSpace =
        #"\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"#
    /// All other characters, written inside a class.
    static let notWhiteSpace = #"""
        \x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\#
        \x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}
        """#
    /// The characters of Rust's `char::is_numeric`, written inside a class: the numbers of Unicode 17.
    static let numeric = members(ofCategory: "N")! + #"\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}"#

    /// The members of a general category, written inside a class; nil for a category that is not supported.
    ///
    /// Mn and Mc are not supported, because a character has moved from one to the other. C and Cn are not supported, because
    /// unassigned characters have been assigned.
    static func members(ofCategory name: String) -> String? {
        guard categories.contains(name) else { return nil }
        let added = additions.keys.sorted().filter { $0 == name || $0.prefix(1) == name }
        return "\\p{\(name)}" + added.map { ranges(additions[$0]!) }.joined()
    }

    private static func ranges(_ list: String) -> String {
        list.split(separator: " ").map { range in
            range.split(separator: "-").map { "\\x{\($0)}" }.joined(separator: "-")
        }.joined()
    }

    private static let categories: Set<String> = [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
        "Po", "S",
        "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
    ]

    /// The characters that Unicode 15, 15.1 and 16 added to each category.
    private static let additions: [String: String] = [
        "Lu": "1c89 a7cb-a7cc a7da a7dc 10d50-10d65",
        "Ll": "1c8a a7cd a7db 10d70-10d85 1df25-1df2a",
        "Lm": "10d4e 10d6f 16d40-16d42 16d6b-16d6c 1e030-1e06d 1e4eb",
        "Lo": """
        105c0-105f3 10d4a-10d4d 10d4f 10ec2-10ec4 1123f-11240 11380-11389 1138b 1138e 11390-113b5 113b7 \
        113d1 113d3 11bc0-11be0 11f02 11f04-11f10 11f12-11f33 1342f 13441-13446 13460-143fa 16100-1611d \
        16d43-16d6a 18cff 1b132 1b155 1e4d0-1e4ea 1e5d0-1e5ed 1e5f0 2b739 2ebf0-2ee5d 31350-323af
        """,
        "M": """
        897 cf3 ece 10d69-10d6d 10efc-10eff 11241 113b8-113c0 113c2 113c5 113c7-113ca 113cc-113d0 113d2 \
        113e1-113e2 11f00-11f01 11f03 11f34-11f3a 11f3e-11f42 11f5a 13440 13447-13455 1611e-1612f 1e08f \
        1e4ec-1e4ef 1e5ee-1e5ef
        """,
        "Nd": """
        10d40-10d49 116d0-116e3 11bf0-11bf9 11f50-11f59 16130-16139 16d70-16d79 1ccf0-1ccf9 1e4f0-1e4f9 \
        1e5f1-1e5fa
        """,
        "No": "1d2c0-1d2d3",
        "Pd": "10d6e",
        "Po": "1b4e-1b4f 1b7f 113d4-113d5 113d7-113d8 11b00-11b09 11be1 11f43-11f4f 16d6d-16d6f 1e5ff",
        "Sm": "10d8e-10d8f",
        "So": """
        2427-2429 2ffc-2fff 31e4-31e5 31ef 1cc00-1ccef 1cd00-1ceb3 1f6dc 1f774-1f776 1f77b-1f77f 1f7d9 \
        1f8b2-1f8bb 1f8c0-1f8c1 1fa75-1fa77 1fa87-1fa89 1fa8f 1faad-1faaf 1fabb-1fabf 1fac6 1face-1facf \
        1fada-1fadc 1fadf 1fae8-1fae9 1faf7-1faf8 1fbcb-1fbef
        """,
    ]
}
