/// The result for one line: a record that is kept, or the reason why it is dropped.
enum JudgedLine {
    /// - Parameter lost: the parts that were cut from a record that was too long.
    case kept(EncodedRecord, lost: Set<Shortening>)
    case dropped(DropReason)
}
