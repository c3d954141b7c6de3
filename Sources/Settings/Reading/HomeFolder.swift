import Foundation

/// Expands `~` at the beginning of a path, as a shell does. Every path of a configuration, of `--set` and of the command line
/// is expanded here, so that the same path means the same folder everywhere.
public enum HomeFolder {
    /// Why `~` can't be expanded.
    public struct Unknown: Error, Equatable, Sendable, CustomStringConvertible {
        public let reason: String
        public let remedy: String

        public var description: String { "\(reason). \(remedy)" }
    }

    /// The path with `~` or `~NAME` at its beginning replaced by the home folder of this user or of user NAME. Any other path
    /// is unchanged.
    ///
    /// - Parameter environment: this process's environment. `HOME` wins over the user's entry in the system's list.
    public static func expand(
        _ path: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(Unknown) -> String {
        guard path.hasPrefix("~") else { return path }
        let name = path.dropFirst().prefix { $0 != "/" }
        let rest = path.dropFirst(1 + name.count)
        let home: String
        if name.isEmpty {
            guard let known = own(environment: environment) else {
                throw Unknown(
                    reason: "begins with ~, and this user has no home folder", remedy: "Set HOME, or write the path in full.")
            }
            home = known
        } else {
            guard let known = String(name).withCString(getpwnam).flatMap(folder) else {
                throw Unknown(
                    reason: "begins with ~\(name), and there is no user of that name",
                    remedy: "Write ~/ for your own home folder, or ./~\(name) for a file of that name.")
            }
            home = known
        }
        if rest.isEmpty { return home }
        return home == "/" ? String(rest) : home + rest
    }

    /// This user's home folder, without a slash at its end; nil if there is none.
    public static func own(environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        if let home = environment["HOME"], !home.isEmpty { return withoutSlash(home) }
        return getpwuid(getuid()).flatMap(folder)
    }

    private static func folder(_ entry: UnsafeMutablePointer<passwd>) -> String? {
        guard let path = entry.pointee.pw_dir.map({ String(cString: $0) }), !path.isEmpty else { return nil }
        return withoutSlash(path)
    }

    private static func withoutSlash(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }
}

extension Section {
    /// The path of a file or folder, with `~` expanded.
    func path(_ key: String) throws(Failure) -> String? {
        guard let written = try text(key) else { return nil }
        do throws(HomeFolder.Unknown) { return try HomeFolder.expand(written) } catch {
            throw failure(key, "is \"\(written)\", which \(error.reason)", remedy: error.remedy)
        }
    }
}
