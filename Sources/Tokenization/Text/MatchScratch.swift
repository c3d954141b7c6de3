import CPCRE2
import Settings

/// The memory that one thread needs for matching: the place for results and the stack of compiled code.
struct MatchScratch: ~Copyable {
    private let data: OpaquePointer
    private let context: OpaquePointer
    private let stack: OpaquePointer?

    /// The limit of steps for one match. Expressions of published tokenizers take a few steps for each character. An expression
    /// that tries every way to cut a text would never end in practice.
    static let stepLimit: UInt32 = 10_000_000
    /// The memory limit of the interpreter in KiB, for a match that exceeds the stack of compiled code.
    private static let heapLimit: UInt32 = 256 << 10

    init() {
        // One pair of offsets is enough, because groups are not read.
        guard let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil) else {
            brokenInvariant("PCRE2 has no memory for a match")
        }
        self.data = data
        self.context = context
        // Without this stack, compiled code has 32 KiB, and one long match with backtracking can exceed it.
        stack = pcre2_jit_stack_create_8(32 << 10, 64 << 20, nil)
        if let stack { pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack)) }
        pcre2_set_match_limit_8(context, MatchScratch.stepLimit)
        pcre2_set_heap_limit_8(context, MatchScratch.heapLimit)
    }

    deinit {
        if let stack { pcre2_jit_stack_free_8(stack) }
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
    }

    /// The first match in `text` that begins at `start` or later.
    ///
    /// - Parameter text: valid UTF-8, checked by the caller. Look-behind also sees the text before `start`.
    /// - Throws: `Problem` if the match exceeds the limits of steps or memory.
    @inline(__always)
    func firstMatch(
        of expression: RegularExpression, in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) throws(RegularExpression.Problem) -> Range<Int>? {
        var status: Int32
        if expression.isCompiledToMachineCode {
            status = pcre2_jit_match_8(expression.code, text.baseAddress, text.count, start, 0, data, context)
            if status == PCRE2_ERROR_JIT_STACKLIMIT { status = interpret(expression, text, start) }
        } else {
            status = interpret(expression, text, start)
        }
        if status == PCRE2_ERROR_NOMATCH { return nil }
        // Zero is a match too: the pattern has groups, and there is no place for their offsets.
        guard status >= 0 else { throw RegularExpression.Problem(reason: RegularExpression.message(status)) }
        let offsets = pcre2_get_ovector_pointer_8(data)!
        // A look-behind assertion with \K could end before it starts; such patterns are refused when they are read.
        return offsets[0]..<offsets[1]
    }

    private func interpret(_ expression: RegularExpression, _ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int32 {
        let options = UInt32(PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT)
        return pcre2_match_8(expression.code, text.baseAddress, text.count, start, options, data, context)
    }
}
