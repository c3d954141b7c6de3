/// Matches the student's hidden states between blocks with a teacher's: `hidden_states` of a `distillation` objective.
///
/// The hidden state of a block is the residual stream after the block, one vector per token. `weight` times the mean loss over
/// the pairs of layers is added to the objective's loss of a row. If the widths differ, each pair has a learned matrix that
/// maps the student's states first.
public struct HiddenStateSettings: Equatable, Sendable {
    /// Two blocks whose states are matched. Blocks are counted from 0.
    public struct LayerPair: Equatable, Sendable {
        public var student: Int
        public var teacher: Int

        public init(student: Int, teacher: Int) {
            self.student = student
            self.teacher = teacher
        }
    }

    /// The pairs of blocks, at least one, no pair twice. Required. The blocks are checked later, against the checkpoints.
    public var layers: [LayerPair]
    /// Default `.meanSquaredError`.
    public var loss: HiddenStateLoss
    /// Factor on this part of the objective's loss. Greater than 0; default 1.
    public var weight: Double
    /// The name of the objective's teacher whose states are matched. Default: the objective's only teacher.
    public var teacher: String

    public init(
        layers: [LayerPair], loss: HiddenStateLoss = .meanSquaredError, weight: Double = 1, teacher: String
    ) {
        self.layers = layers
        self.loss = loss
        self.weight = weight
        self.teacher = teacher
    }
}

extension HiddenStateSettings {
    static let keys = ["layers", "loss", "weight", "teacher"]

    /// - Parameter teachers: the names of the objective's teachers, at least one.
    init(_ section: Section, teachers: [String]) throws(Failure) {
        self.init(
            layers: try HiddenStateSettings.layers(section),
            loss: try section.choice("loss", default: .meanSquaredError),
            weight: try section.number("weight", .positive, default: 1),
            teacher: try HiddenStateSettings.teacher(section, among: teachers))
    }

    private static func layers(_ section: Section) throws(Failure) -> [LayerPair] {
        let remedy = "List blocks of student and teacher, counted from 0, such as [[0, 1], [5, 11]]."
        let list = try section.required("layers", section.list("layers", remedy: remedy), remedy: remedy)
        var pairs: [LayerPair] = []
        for index in list.keys {
            let blocks = try list.required(index, list.list(index, remedy: remedy), remedy: remedy)
            guard blocks.keys.count == 2 else {
                throw list.failure(
                    index, "is a list of \(blocks.keys.count), not a block of the student and one of the teacher",
                    remedy: remedy)
            }
            let pair = LayerPair(
                student: try blocks.required("0", blocks.whole("0", .indices), remedy: remedy),
                teacher: try blocks.required("1", blocks.whole("1", .indices), remedy: remedy))
            if let earlier = pairs.firstIndex(of: pair) {
                throw list.failure(
                    index, "is [\(pair.student), \(pair.teacher)] again, after \(list.keyPath("\(earlier)"))",
                    remedy: "Remove one of them.")
            }
            pairs.append(pair)
        }
        return pairs
    }

    private static func teacher(_ section: Section, among teachers: [String]) throws(Failure) -> String {
        let names = teachers.joined(separator: ", ")
        guard let name = try section.text("teacher") else {
            if teachers.count == 1 { return teachers[0] }
            throw section.failure(
                "teacher", "is missing, and the objective has several teachers", remedy: "Name one of \(names).")
        }
        guard teachers.contains(name) else {
            throw section.failure(
                "teacher", "is \"\(name)\", which is no teacher of the objective", remedy: "It has \(names).")
        }
        return name
    }

    var written: WrittenYAML {
        .mapping([
            ("layers", .list(layers.map { .list([.whole($0.student), .whole($0.teacher)]) })),
            ("loss", .text(loss.rawValue)), ("weight", .number(weight)), ("teacher", .text(teacher)),
        ])
    }
}
