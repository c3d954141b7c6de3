/// What became of one line.
enum JudgedLine {
    /// - Parameter lost: what was left out, because it was too long.
    case kept(EncodedRecord, lost: Set<Shortening>)
    case dropped(DropReason)
}
