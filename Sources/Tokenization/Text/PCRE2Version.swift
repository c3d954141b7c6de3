import CPCRE2

/// Version and date of the loaded PCRE2 library.
public var pcre2Version: String {
    // The count includes the final zero.
    let count = Int(pcre2_config_8(UInt32(PCRE2_CONFIG_VERSION), nil))
    guard count > 0 else { return "of an unknown version" }
    var text = [UInt8](repeating: 0, count: count)
    guard pcre2_config_8(UInt32(PCRE2_CONFIG_VERSION), &text) > 0 else { return "of an unknown version" }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
}
