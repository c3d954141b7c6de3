extension Tokenizer {
    /// The text of `ids`; bytes that make no character become U+FFFD.
    ///
    /// - Parameter skipSpecialTokens: whether special tokens are left out. Ids without a token (rows that pad an embedding) are
    ///   always left out.
    public func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
        String(decoding: decodeBytes(ids, skipSpecialTokens: skipSpecialTokens), as: UTF8.self)
    }

    /// The bytes of `ids`. They may begin or end within a character.
    public func decodeBytes(_ ids: [Int32], skipSpecialTokens: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for id in ids where !(skipSpecialTokens && isSpecial(id)) {
            if let token = vocabulary.bytes(of: id) { bytes += token }
        }
        return bytes
    }
}
