public enum ExportType: String, CaseIterable, Sendable {
    case float32
    case bfloat16
}
