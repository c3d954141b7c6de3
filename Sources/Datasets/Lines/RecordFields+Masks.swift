import Settings

/// Masks over token ids: which tokens the loss counts.
extension RecordFields {
    /// Which of `tokens` the loss counts; nil if the record has no mask.
    ///
    /// - Throws: `RecordError` for a mask of another length, labels of other tokens, or masks that contradict each other.
    func mask(over tokens: [Int32]) throws(RecordError) -> [Bool]? {
        var first: (name: FieldName, marks: [Bool])?
        for name in FieldName.masks {
            guard let marks = try marks(name, over: tokens) else { continue }
            guard let (other, known) = first else {
                first = (name, marks)
                continue
            }
            // The first token never counts, whatever a mask says.
            guard let place = tokens.indices.dropFirst().first(where: { known[$0] != marks[$0] }) else { continue }
            throw RecordError(
                "\(source(of: other)) and \(source(of: name)) contradict each other at index \(place)",
                remedy: "Leave one of them out, or ignore one: --ignore-field \(source(of: name)).")
        }
        if first == nil, has(.lossMaskingSpans) {
            throw RecordError(
                "\(source(of: .lossMaskingSpans)) counts characters of a text, and this record has input_ids",
                remedy: "Give a loss_mask with an entry for each id, or the text.")
        }
        return first?.marks
    }

    private func marks(_ name: FieldName, over tokens: [Int32]) throws(RecordError) -> [Bool]? {
        let marks = try value(of: name) { scanner, field throws(RecordError) -> [Bool]? in
            guard scanner.peek() == UInt8(ascii: "[") else {
                throw RecordError(
                    "\(field) is not a list with an entry for each of input_ids",
                    remedy: "Leave it out, or ignore the field: --ignore-field \(field.printable).")
            }
            guard name == .labels else { return try scanner.marks(field: field) }
            return try RecordFields.marks(ofLabels: scanner.labels(field: field), over: tokens, field: field)
        }
        guard let marks = marks ?? nil else { return nil }
        guard marks.count == tokens.count else {
            throw RecordError("\(source(of: name)) has \(marks.count) entries for \(tokens.count) input_ids")
        }
        return marks
    }

    /// Hugging Face's labels are not shifted: each label is the token id at its own index, or −100 for a token that does not
    /// count.
    private static func marks(
        ofLabels labels: [Int32]?, over tokens: [Int32], field: String
    ) throws(RecordError) -> [Bool]? {
        guard let labels else { return nil }
        if labels.count == tokens.count,
            let place = labels.indices.first(where: { labels[$0] != ignoredLabel && labels[$0] != tokens[$0] })
        {
            throw RecordError(
                "\(field)[\(place)] is \(labels[place]), neither the id \(tokens[place]) of that place nor −100",
                remedy: "Give labels that are not shifted, or leave the record out.")
        }
        return labels.map { $0 != ignoredLabel }
    }

    static let ignoredLabel: Int32 = -100
}
