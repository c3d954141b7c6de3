/// The type of exported weights: `export.dtype`.
public enum ExportType: String, CaseIterable, Sendable {
    case float32
    case bfloat16
}
