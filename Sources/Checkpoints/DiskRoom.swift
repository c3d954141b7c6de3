import Foundation

/// The free space of a file system.
public enum DiskRoom {
    /// Bytes that this user may still write on the disk of `folder`, which need not exist yet. Nil if the system does not tell.
    public static func freeByteCount(at folder: String) -> Double? {
        var place = URL(fileURLWithPath: folder)
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
        var status = statvfs()
        guard statvfs(place.path, &status) == 0 else { return nil }
        return Double(status.f_bavail) * Double(status.f_frsize)
    }

    /// `12.5 MiB` or `3.1 GiB`.
    public static func shown(_ byteCount: Double) -> String {
        byteCount < 0x1p30 ? String(format: "%.1f MiB", byteCount / 0x1p20) : String(format: "%.1f GiB", byteCount / 0x1p30)
    }
}
