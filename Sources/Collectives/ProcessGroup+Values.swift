import JSON
import Settings

extension ProcessGroup {
    /// Every rank's `value`, in the order of ranks. Values travel as JSON, so they may differ in size. Collective.
    ///
    /// - Throws: `CollectiveError`; also where what arrived is not such a value.
    public func allGather<Value: JSONRepresentable>(_ value: Value) throws(CollectiveError) -> [Value] {
        let texts = try allGather(Array(value.json.compact.utf8))
        var values: [Value] = []
        for (rank, text) in texts.enumerated() {
            do {
                values.append(try JSONValue(parsing: text).decoded())
            } catch {
                throw CollectiveError(.damaged("rank \(rank)", "sent something else than \(Value.self)", remedy: "Report this."))
            }
        }
        return values
    }
}
