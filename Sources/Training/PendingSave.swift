import Checkpoints
import Datasets
import Stepping

/// A checkpoint whose files are being written: what it will say of itself.
struct PendingSave {
    let save: BackgroundSave
    let manifest: CheckpointManifest
    /// Nobody asked for it but `run.checkpoint_minutes`.
    let isByClock: Bool
}
