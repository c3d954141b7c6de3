extension ClosedRange<Int> {
    /// Range for a count: from 1 to the largest 32-bit number.
    static var counts: ClosedRange<Int> { 1...Int(Int32.max) }
    /// Range for an index, from 0, into as many things as `counts` allows.
    static var indices: ClosedRange<Int> { 0...Int(Int32.max) - 1 }
    /// Range for the ranks of one axis.
    static var ranks: ClosedRange<Int> { 1...1_000_000 }
    static var threads: ClosedRange<Int> { 1...RunSettings.mostThreads }
}

// MARK: - Text and choices

extension Section {
    func text(_ key: String) throws(Failure) -> String? {
        guard let node = given(key) else { return nil }
        let words = "Write text, in quotes if it looks like a number, a boolean or null."
        guard case .scalar(let text, let isPlain) = node.content,
            case .text = Scalar(text: text, isPlain: isPlain)
        else { throw failure(key, "is \(node.shown), not text", remedy: words) }
        guard !text.isEmpty else { throw failure(key, "is empty", remedy: "Write a value, or leave the key out.") }
        return text
    }

    func boolean(_ key: String, default value: Bool) throws(Failure) -> Bool {
        guard let node = try present(key) else { return value }
        guard case .scalar(let text, let isPlain) = node.content,
            case .boolean(let value) = Scalar(text: text, isPlain: isPlain)
        else { throw failure(key, "is \(node.shown), not true or false", remedy: "Write true or false.") }
        return value
    }

    func choice<Choice>(_ key: String, of type: Choice.Type = Choice.self) throws(Failure) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let node = given(key) else { return nil }
        if case .scalar(let text, _) = node.content, let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        throw failure(key, "is \(node.shown), not a supported value", remedy: "Use \(names.joined(separator: " or ")).")
    }

    func choice<Choice>(_ key: String, default value: Choice) throws(Failure) -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        guard try present(key) != nil else { return value }
        return try choice(key) ?? value
    }
}

// MARK: - Numbers

extension Section {
    func number(_ key: String, _ range: NumberRange) throws(Failure) -> Double? {
        guard let node = given(key) else { return nil }
        return try number(node, key, range)
    }

    func number(_ key: String, _ range: NumberRange, default value: Double) throws(Failure) -> Double {
        guard let node = try present(key) else { return value }
        return try number(node, key, range)
    }

    /// The number in `node`, which is the value of `key` or a part of that value.
    func number(_ node: ConfigurationNode, _ key: String, _ range: NumberRange) throws(Failure) -> Double {
        let remedy = "Write \(range.words)."
        guard case .scalar(let text, let isPlain) = node.content,
            case .number(let digits) = Scalar(text: text, isPlain: isPlain)
        else { throw failure(key, "is \(node.shown), not a number", remedy: remedy) }
        guard let value = Double(digits), value.isFinite else {
            throw failure(key, "is \(digits), not a finite number", remedy: remedy)
        }
        guard range.contains(value) else { throw failure(key, "is \(digits), out of range", remedy: remedy) }
        return value
    }

    func whole(_ key: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let node = given(key) else { return nil }
        return try whole(node, key, range)
    }

    func whole(_ key: String, _ range: ClosedRange<Int>, default value: Int) throws(Failure) -> Int {
        guard let node = try present(key) else { return value }
        return try whole(node, key, range)
    }

    /// Any unsigned 64-bit number.
    func seed(_ key: String, default value: UInt64) throws(Failure) -> UInt64 {
        guard let node = try present(key) else { return value }
        return try whole(node, key, 0...UInt64.max)
    }

    private func whole<Value: FixedWidthInteger>(
        _ node: ConfigurationNode, _ key: String, _ range: ClosedRange<Value>
    ) throws(Failure) -> Value {
        let remedy = "Write a whole number from \(range.lowerBound) to \(range.upperBound)."
        guard case .scalar(let text, let isPlain) = node.content,
            case .number(let digits) = Scalar(text: text, isPlain: isPlain),
            digits.allSatisfy({ "+-0123456789".contains($0) })
        else { throw failure(key, "is \(node.shown), not a whole number", remedy: remedy) }
        guard let value = Value(digits), range.contains(value) else {
            throw failure(key, "is \(digits), out of range", remedy: remedy)
        }
        return value
    }
}

// MARK: - Presence

extension Section {
    /// The value; `null` means that there is none.
    private func given(_ key: String) -> ConfigurationNode? {
        isGiven(key) ? self[key] : nil
    }

    /// The value; `null` is refused.
    private func present(_ key: String) throws(Failure) -> ConfigurationNode? {
        guard let node = self[key] else { return nil }
        guard !node.isNull else {
            throw failure(key, "has no value", remedy: "Write one, or remove the key to get the default.")
        }
        return node
    }
}
