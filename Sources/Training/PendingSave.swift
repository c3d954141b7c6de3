import Checkpoints
import Datasets
import Stepping

/// A checkpoint whose files are being written, with its manifest.
struct PendingSave {
    let save: BackgroundSave
    let manifest: CheckpointManifest
    /// Whether only `run.checkpoint_minutes` asked for it.
    let isByClock: Bool
}
