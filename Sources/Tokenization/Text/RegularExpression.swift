import CPCRE2

/// A compiled regular expression over UTF-8. It is immutable, so any number of threads may match with it at once.
final class RegularExpression: @unchecked Sendable {
    /// Why a pattern does not compile, or why a match was given up, in PCRE2's words.
    struct Problem: Error { let reason: String }

    /// `pcre2_code` is never written after compilation, so sharing it is safe.
    let code: OpaquePointer
    let isCompiledToMachineCode: Bool

    /// - Parameter isLiteral: whether `pattern` is a text to search for, not an expression.
    init(_ pattern: String, isLiteral: Bool = false) throws(Problem) {
        let options = UInt32(PCRE2_UTF) | (isLiteral ? UInt32(PCRE2_LITERAL) : UInt32(PCRE2_UCP | PCRE2_MULTILINE))
        guard let context = pcre2_compile_context_create_8(nil) else { throw Problem(reason: "out of memory") }
        defer { pcre2_compile_context_free_8(context) }
        guard pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF)) == 0 else {
            throw Problem(reason: "line ends can't be chosen")
        }
        var error: Int32 = 0
        var offset = 0
        let bytes = Array(pattern.utf8)
        guard let code = pcre2_compile_8(bytes, bytes.count, options, &error, &offset, context) else {
            throw Problem(reason: "\(RegularExpression.message(error)) at byte \(offset)")
        }
        self.code = code
        // On a platform without machine code, matching is slower but gives the same matches.
        isCompiledToMachineCode = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE)) == 0
    }

    deinit { pcre2_code_free_8(code) }

    static func message(_ error: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 256)
        let length = pcre2_get_error_message_8(error, &text, text.count)
        return length > 0 ? String(decoding: text.prefix(Int(length)), as: UTF8.self) : "error \(error)"
    }
}
