import Settings

extension Tokenizer {
    /// The tokens of `text`. Added tokens in the text become their own ids, whatever `addSpecialTokens` is.
    ///
    /// - Parameter addSpecialTokens: whether the post-processor's tokens (for example a beginning of sequence) are added around
    ///   the text.
    /// - Throws: `Failure` (damaged data) if the tokenizer's regular expressions take too many steps on the text. The
    ///   expressions of published models never do.
    public func encode(_ text: String, addSpecialTokens: Bool) throws(Failure) -> [Int32] {
        try tokens(of: text, addSpecialTokens, keepsStarts: false).ids
    }

    /// The tokens of a text given as its UTF-8 bytes: the fast path for files.
    ///
    /// - Throws: `Failure` (damaged data) for bytes that are not UTF-8, with the position of the first wrong byte; and as for a
    ///   text.
    public func encode(utf8 bytes: Span<UInt8>, addSpecialTokens: Bool) throws(Failure) -> [Int32] {
        do {
            _ = try UTF8Span(validating: bytes)
        } catch {
            throw .damaged(
                "text", "is not UTF-8 at byte \(error.byteOffsets.lowerBound)", remedy: "Convert it to UTF-8.")
        }
        return try split(bytes, addSpecialTokens, keepsStarts: false).get().ids
    }

    /// The tokens of a text given as its UTF-8 bytes.
    ///
    /// - Throws: `Failure` (damaged data) for bytes that are not UTF-8, and as for a text.
    public func encode(utf8 bytes: [UInt8], addSpecialTokens: Bool) throws(Failure) -> [Int32] {
        try encode(utf8: bytes.span, addSpecialTokens: addSpecialTokens)
    }

    /// The tokens of `text` with their starts, for masks over parts of the text.
    ///
    /// - Throws: as `encode`.
    public func encodeWithStarts(_ text: String, addSpecialTokens: Bool) throws(Failure) -> TokenizedText {
        try tokens(of: text, addSpecialTokens, keepsStarts: true)
    }

    // MARK: Steps of encoding

    private func tokens(
        of text: String, _ addSpecialTokens: Bool, keepsStarts: Bool
    ) throws(Failure) -> TokenizedText {
        var text = text
        let result = text.withUTF8 { split(Span(_unsafeElements: $0), addSpecialTokens, keepsStarts: keepsStarts) }
        return try result.get()
    }

    /// - Parameter text: valid UTF-8.
    private func split(
        _ text: Span<UInt8>, _ addSpecialTokens: Bool, keepsStarts: Bool
    ) -> Result<TokenizedText, Failure> {
        withSplitter { splitter in
            splitter.keepsStarts = keepsStarts
            encodeValid(text, addSpecialTokens, splitter)
            guard let problem = splitter.problem else {
                return .success(TokenizedText(ids: splitter.ids, starts: splitter.starts))
            }
            return .failure(
                .damaged(
                    "text", "needs too many steps of the tokenizer's regular expressions (\(problem.reason))",
                    remedy: "Shorten the text, or use the tokenizer that was published with the model."))
        }
    }

    private func encodeValid(_ text: Span<UInt8>, _ addSpecialTokens: Bool, _ splitter: PieceSplitter) {
        if addSpecialTokens {
            for id in postProcessor.prefix { append(id, start: 0, to: splitter) }
        }
        for (range, id) in addedTokens.parts(of: text) {
            if let id {
                append(id, start: range.lowerBound, to: splitter)
            } else {
                encodeLiteral(text.extracting(range), origin: range.lowerBound, splitter)
            }
        }
        if addSpecialTokens {
            for id in postProcessor.suffix { append(id, start: text.count, to: splitter) }
        }
    }

    private func append(_ id: Int32, start: Int, to splitter: PieceSplitter) {
        splitter.ids.append(id)
        if splitter.keepsStarts { splitter.starts.append(start) }
    }

    /// Encodes a piece between added tokens: normalises it, then searches it for the added tokens of normalised text.
    private func encodeLiteral(_ piece: Span<UInt8>, origin: Int, _ splitter: PieceSplitter) {
        let first = splitter.starts.count
        guard let normalized = normalizer.normalized(piece) else {
            encodeNormalized(piece, splitter)
            for index in first..<splitter.starts.count { splitter.starts[index] += origin }
            return
        }
        encodeNormalized(normalized.bytes.span, splitter)
        for index in first..<splitter.starts.count {
            splitter.starts[index] = normalized.original(of: splitter.starts[index]) + origin
        }
    }

    private func encodeNormalized(_ piece: Span<UInt8>, _ splitter: PieceSplitter) {
        for (range, id) in addedTokens.parts(ofNormalized: piece) {
            if let id {
                append(id, start: range.lowerBound, to: splitter)
            } else {
                let first = splitter.starts.count
                piece.extracting(range).withUnsafeBufferPointer { splitter.encode($0) }
                for index in first..<splitter.starts.count { splitter.starts[index] += range.lowerBound }
            }
        }
    }
}
