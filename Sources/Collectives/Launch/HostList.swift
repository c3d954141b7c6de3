import Foundation
import Settings

/// Host names for a sentence, each once, in order: "host2", "host2 and host3", "host2, host3 and 4 more hosts".
public struct HostList: CustomStringConvertible {
    public let description: String

    public init(_ hosts: [String]) {
        var names: [String] = []
        for host in hosts where !names.contains(host) { names.append(host) }
        description =
            switch names.count {
            case 0...1: names.first ?? ""
            case 2...3: names.dropLast().joined(separator: ", ") + " and " + names.last!
            default: "\(names[0]), \(names[1]) and \(names.count - 2) more hosts"
            }
    }
}
