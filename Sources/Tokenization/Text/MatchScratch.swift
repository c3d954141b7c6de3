import CPCRE2
import Settings

/// What one thread needs to match: the place for results and the stack of compiled code.
struct MatchScratch: ~Copyable {
    private let data: OpaquePointer
    private let context: OpaquePointer
    private let stack: OpaquePointer?

    /// Steps of one match. Expressions of published tokenizers take a few a character; one that tries every way to cut a
    /// text would take longer than anyone lives.
    static let stepLimit: UInt32 = 10_000_000
    /// Memory of a match that machine code has no room for, KiB.
    private static let heapLimit: UInt32 = 256 << 10

    init() {
        // One pair of offsets is enough: groups are not looked at.
        guard let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil) else {
            brokenInvariant("PCRE2 has no memory for a match")
        }
        self.data = data
        self.context = context
        // Without this stack compiled code has 32 KiB, which one long match with backtracking can exceed.
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
    /// - Parameter text: valid UTF-8; the caller has checked it. What lies before `start` can be seen by look-behind.
    /// - Throws: `Problem` where the match takes more steps or memory than it may.
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
        // Zero: the pattern has groups, for which there is no place.
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
