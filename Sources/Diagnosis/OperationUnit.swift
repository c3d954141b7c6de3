/// The unit of an operation's count.
package enum OperationUnit: Int {
    case floats = 0
    case doubles, integers, bytes

    var name: String {
        switch self {
        case .floats: "float"
        case .doubles: "double"
        case .integers: "integer"
        case .bytes: "byte"
        }
    }
}
