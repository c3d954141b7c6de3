/// The preference loss and its constants: an `objective` of the type `preference`.
public struct PreferenceSettings: Equatable, Sendable {
    /// Default `.sigmoid`.
    public var loss: PreferenceLoss
    /// β, the factor on the margin of log-probabilities (nats). Greater than 0; default 0.1.
    public var beta: Double
    /// ε, the assumed fraction of pairs with swapped labels. In [0, 0.5); default 0.
    public var labelSmoothing: Double
    /// The reference whose log-probabilities are subtracted from the policy's. Required.
    public var reference: ReferenceChoice

    public init(
        loss: PreferenceLoss = .sigmoid, beta: Double = 0.1, labelSmoothing: Double = 0, reference: ReferenceChoice
    ) {
        self.loss = loss
        self.beta = beta
        self.labelSmoothing = labelSmoothing
        self.reference = reference
    }
}

extension PreferenceSettings {
    static let keys = ["loss", "beta", "label_smoothing", "reference"]

    /// - Parameter references: the names of all references.
    init(_ section: Section, references: [String]) throws(Failure) {
        let reference = try section.required(
            "reference", section.text("reference"),
            remedy: "Name a model of references, or write none to train without a reference model.")
        guard reference == ReferenceChoice.noReference || references.contains(reference) else {
            throw section.failure(
                "reference", "is \"\(reference)\", and references has no model of that name",
                remedy: ReferenceSettings.remedy(forUnknown: reference, among: references))
        }
        self.init(
            loss: try section.choice("loss", default: .sigmoid),
            beta: try section.number("beta", .positive, default: 0.1),
            labelSmoothing: try section.number("label_smoothing", .below(0.5), default: 0),
            reference: reference == ReferenceChoice.noReference ? .none : .named(reference))
    }

    var referenceNames: [String] {
        switch reference {
        case .named(let name): [name]
        case .none: []
        }
    }

    var written: [(String, WrittenYAML)] {
        [
            ("loss", .text(loss.rawValue)), ("beta", .number(beta)), ("label_smoothing", .number(labelSmoothing)),
            ("reference", .text(referenceNames.first ?? ReferenceChoice.noReference)),
        ]
    }
}
