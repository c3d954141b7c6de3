import Settings

/// The tokens of a text, and where each begins in it.
public struct TokenizedText: Equatable, Sendable {
    public var ids: [Int32]
    /// The byte of the text's UTF-8 at which each token starts, ascending. A special token that was put before or
    /// after the text starts at its beginning or end. Where normalisation changed the text, exact up to a character
    /// with its marks.
    public var starts: [Int]
}

extension Tokenizer {
    /// The tokens of `text`. Added tokens that stand in the text become their own ids in either case.
    ///
    /// - Parameter addSpecialTokens: whether the post-processor's tokens (a beginning of sequence, say) are put
    ///   around it.
    public func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            withSplitter { splitter in
                splitter.keepsStarts = false
                encodeValid(Span(_unsafeElements: bytes), addSpecialTokens, splitter)
                return splitter.ids
            }
        }
    }

    /// The tokens of a text given as its UTF-8 bytes: the fast path for files.
    ///
    /// - Throws: `Failure` (damaged data) where the bytes are not UTF-8, with the position of the first that is not.
    public func encode(utf8 bytes: Span<UInt8>, addSpecialTokens: Bool) throws(Failure) -> [Int32] {
        do {
            _ = try UTF8Span(validating: bytes)
        } catch {
            throw .damaged(
                "text", "is not UTF-8 at byte \(error.byteOffsets.lowerBound)", remedy: "Convert it to UTF-8.")
        }
        return withSplitter { splitter in
            splitter.keepsStarts = false
            encodeValid(bytes, addSpecialTokens, splitter)
            return splitter.ids
        }
    }

    /// The tokens of a text given as its UTF-8 bytes.
    ///
    /// - Throws: `Failure` (damaged data) where the bytes are not UTF-8.
    public func encode(utf8 bytes: [UInt8], addSpecialTokens: Bool) throws(Failure) -> [Int32] {
        try encode(utf8: bytes.span, addSpecialTokens: addSpecialTokens)
    }

    /// The tokens of `text` with their places, for masks over parts of it.
    public func encodeWithStarts(_ text: String, addSpecialTokens: Bool) -> TokenizedText {
        var text = text
        return text.withUTF8 { bytes in
            withSplitter { splitter in
                splitter.keepsStarts = true
                encodeValid(Span(_unsafeElements: bytes), addSpecialTokens, splitter)
                return TokenizedText(ids: splitter.ids, starts: splitter.starts)
            }
        }
    }

    // MARK: The way of a text

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

    /// A piece between added tokens: normalised, and searched for the added tokens that are normalised too.
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
