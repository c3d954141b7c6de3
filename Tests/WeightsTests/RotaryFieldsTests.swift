import Foundation
import JSON
import Settings
import Testing

@testable import Weights

@Suite struct RotaryFieldsTests {
    private func read(
        _ json: String, head: Int = 16, maximumPositions: Int = 512, layerType: String? = nil,
        defaults: RotaryDefaults = RotaryDefaults()
    ) throws -> RotaryConfiguration {
        let fields = ConfigurationFields(origin: "config.json", object: try JSONValue(parsing: Array(json.utf8)))
        return try HuggingFaceConfiguration.rotary(
            fields, headDimension: head, maximumPositions: maximumPositions, layerType: layerType, defaults: defaults)
    }

    private func failure(
        _ json: String, head: Int = 16, layerType: String? = nil, defaults: RotaryDefaults = RotaryDefaults()
    ) throws -> Failure {
        let failure = try #require(throws: Failure.self) {
            try read(json, head: head, layerType: layerType, defaults: defaults)
        }
        #expect(!failure.description.contains("\n"))
        return failure
    }

    private static let plain = RotaryConfiguration(theta: 10_000, dimension: 16)

    private static func scaled(_ scaling: RotaryConfiguration.Scaling) -> RotaryConfiguration {
        RotaryConfiguration(theta: 10_000, dimension: 16, scaling: scaling)
    }

    // MARK: Types. The attention factors are in Fixtures/rotary/rotary.json, or by hand.

    @Test(
        "every type is read with its defaults, under both names of the object and of the type",
        arguments: [
            ("{}", plain), (#"{"TYPE": "default"}"#, plain), (#"{"TYPE": "linear", "factor": 1}"#, plain),
            (#"{"TYPE": "linear", "factor": 4.0}"#, scaled(.linear(factor: 4))),
            (#"{"TYPE": "dynamic", "factor": 3}"#, scaled(.dynamic(factor: 3, original: 512))),
            (
                #"{"TYPE": "dynamic", "factor": 3, "original_max_position_embeddings": 512}"#,
                scaled(.dynamic(factor: 3, original: 512))
            ),
            (
                #"{"TYPE": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}"#,
                scaled(.llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, original: 64))
            ),
            (
                #"{"TYPE": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}"#,
                scaled(.llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, original: 512))
            ),
            (
                #"{"TYPE": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}"#,
                scaled(yarn(attention: 1.138629436111989))
            ),
            (
                #"{"TYPE": "yarn", "factor": 4.0, "original_max_position_embeddings": 256, "mscale": 0.7, "mscale_all_dim": 1.3}"#,
                scaled(yarn(attention: 0.9295234923939468))
            ),
            (
                #"{"TYPE": "yarn", "factor": 4.0, "original_max_position_embeddings": 256, "mscale": 0.7}"#,
                scaled(yarn(attention: 1.138629436111989))
            ),
            (
                #"{"TYPE": "yarn", "factor": 0.5, "original_max_position_embeddings": 256, "mscale_all_dim": 0}"#,
                scaled(yarn(factor: 0.5, attention: 1))
            ),
            (
                #"{"TYPE": "yarn", "factor": 4, "attention_factor": 1.75, "mscale": 1, "mscale_all_dim": 1, "beta_fast": 8, "beta_slow": 2, "truncate": false}"#,
                scaled(yarn(original: 512, fast: 8, slow: 2, attention: 1.75, truncate: false))
            ),
        ])
    func types(json: String, expected: RotaryConfiguration) throws {
        for object in ["rope_parameters", "rope_scaling"] {
            for type in ["rope_type", "type"] {
                let text = json.replacing("TYPE", with: type)
                #expect(try read("{\"\(object)\": \(text)}") == expected)
                let both = "{\"rope_parameters\": \(text), \"rope_scaling\": \(text), \"rope_theta\": 10000}"
                #expect(try read(both) == expected)
            }
        }
    }

    private static func yarn(
        factor: Double = 4, original: Int = 256, fast: Double = 32, slow: Double = 1, attention: Double, truncate: Bool = true
    ) -> RotaryConfiguration.Scaling {
        .yarn(factor: factor, original: original, betaFast: fast, betaSlow: slow, attentionFactor: attention, truncate: truncate)
    }

    @Test(
        "longrope takes its factor from the lengths unless it is stated; the original length stands in two places",
        arguments: [
            ("", #", "original_max_position_embeddings": 128"#, 128, 1.1338934190276817),
            (#", "factor": 16"#, #", "original_max_position_embeddings": 16"#, 16, 1.4142135623730951),
            (#", "attention_factor": 1.5, "original_max_position_embeddings": 64"#, "", 64, 1.5), ("", "", 512, 1),
            (#", "factor": 0.5"#, "", 512, 1),
        ])
    func longrope(inside: String, outside: String, original: Int, attention: Double) throws {
        for type in ["longrope", "su"] {
            let json = #"{"rope_scaling": {"type": "\#(type)", "short_factor": [1, 2.5], "long_factor": [4, 8]\#(inside)}\#(outside)}"#
            #expect(
                try read(json, head: 4)
                    == RotaryConfiguration(
                        theta: 10_000, dimension: 4,
                        scaling: .longrope(short: [1, 2.5], long: [4, 8], original: original, attentionFactor: attention)))
        }
    }

    @Test("alpha of Hunyuan raises the base instead of scaling, and only for a family that has it")
    func alpha() throws {
        let json =
            #"{"rope_scaling": {"type": "dynamic", "factor": 1.0, "alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}}"#
        let read = try read(json, defaults: RotaryDefaults(hasAlpha: true))
        #expect(read == RotaryConfiguration(theta: 10_000 * pow(1000, 16.0 / 14), dimension: 16))
        #expect(try failure(json).reason.contains("unknown field rope_scaling.alpha"))
    }

    // MARK: Base and dimension

    @Test(
        "the base has four names, or the family's default",
        arguments: [
            ("{}", 7.0), (#"{"rope_theta": 500000.0}"#, 500_000), (#"{"rotary_emb_base": 500000}"#, 500_000),
            (#"{"rope_parameters": {"rope_theta": 3.5}}"#, 3.5), (#"{"rope_scaling": {"rope_theta": 3.5, "type": null}}"#, 3.5),
            (#"{"rope_theta": 3.5, "rope_parameters": {"rope_theta": 3.5, "rope_type": "default"}}"#, 3.5),
            (#"{"rope_theta": 3.5, "rope_parameters": {}}"#, 3.5), (#"{"rope_theta": null}"#, 7),
        ])
    func theta(json: String, expected: Double) throws {
        #expect(try read(json, defaults: RotaryDefaults(theta: 7)).theta == expected)
    }

    @Test(
        "a part of a head turns where the family allows it; the product is cut off",
        arguments: [
            ("{}", 16, 4), (#"{"partial_rotary_factor": 0.5}"#, 16, 8), (#"{"rotary_pct": 0.4}"#, 80, 32),
            (#"{"rope_parameters": {"partial_rotary_factor": 0.75}, "partial_rotary_factor": 0.75}"#, 128, 96),
            (#"{"rope_parameters": {"partial_rotary_factor": 0.33}}"#, 128, 42), (#"{"partial_rotary_factor": 1}"#, 16, 16),
        ])
    func partial(json: String, head: Int, expected: Int) throws {
        #expect(try read(json, head: head, defaults: RotaryDefaults(partialFactor: 0.25)).dimension == expected)
    }

    @Test(
        "a share of the head other than 1 is refused for families that turn whole heads",
        arguments: [
            #"{"partial_rotary_factor": 0.5}"#, #"{"rotary_pct": 0.25}"#, #"{"rope_parameters": {"partial_rotary_factor": 0.25}}"#,
            #"{"partial_rotary_factor": true}"#,
        ])
    func whole(json: String) throws {
        let failure = try failure(json)
        #expect(failure.exitCode == .configuration && failure.reason.hasSuffix("is not implemented, only 1"))
        #expect(try read(#"{"partial_rotary_factor": 1.0, "rope_parameters": {"partial_rotary_factor": 1}}"#).dimension == 16)
    }

    // MARK: Types of layers

    private static let gemma = RotaryDefaults(theta: 1e6, slidingLayers: .ownBase(10_000))
    private static let olmo = RotaryDefaults(theta: 500_000, slidingLayers: .unscaled)

    @Test(
        "each type of layer has its positions, in old files and new ones",
        arguments: [
            (gemma, #"{}"#, 1e6, nil, 10_000.0), (gemma, #"{"rope_theta": 5, "rope_local_base_freq": 6}"#, 5, nil, 6),
            (gemma, #"{"rope_theta": 5, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}"#, 5, 8, 10_000),
            (
                gemma,
                #"{"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5}, "sliding_attention": {"rope_type": "default", "rope_theta": 6}}}"#,
                5, 8, 6
            ),
            (gemma, #"{"rope_parameters": {"full_attention": {"rope_theta": 5}, "sliding_attention": null}}"#, 5, nil, 10_000),
            (olmo, #"{"rope_theta": 5, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}"#, 5, 8, 5),
            (
                olmo, #"{"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0}, "sliding_attention": {}}}"#,
                500_000, 8, 500_000
            ),
            (
                RotaryDefaults(),
                #"{"rope_theta": 5, "rope_parameters": {"full_attention": {"rope_theta": 7}, "sliding_attention": {}}}"#, 7, nil, 5
            ),
            (RotaryDefaults(), #"{"rope_theta": 5, "rope_parameters": {"rope_type": "default"}}"#, 5, nil, 5),
        ] as [(RotaryDefaults, String, Double, Double?, Double)])
    func layerTypes(defaults: RotaryDefaults, json: String, full: Double, factor: Double?, sliding: Double) throws {
        let scaling = factor.map { RotaryConfiguration.Scaling.linear(factor: $0) } ?? .none
        #expect(
            try read(json, layerType: "full_attention", defaults: defaults)
                == RotaryConfiguration(theta: full, dimension: 16, scaling: scaling))
        #expect(
            try read(json, layerType: "sliding_attention", defaults: defaults)
                == RotaryConfiguration(theta: sliding, dimension: 16))
    }

    @Test("objects of types of layers are refused where the family has no types, and a type that is missing or unknown is named")
    func layerTypeRefusals() throws {
        let json = #"{"rope_scaling": {"full_attention": {"rope_type": "default"}, "sliding_attention": {"rope_type": "default"}}}"#
        let untyped = try failure(json)
        #expect(untyped.exitCode == .configuration)
        #expect(untyped.reason.contains("each type of layer (full_attention, sliding_attention), which is not implemented"))
        let one = #"{"rope_parameters": {"full_attention": {}}}"#
        #expect(try failure(one, layerType: "sliding_attention").reason.contains("rope_parameters.sliding_attention is missing"))
        let typo = #"{"rope_parameters": {"full_attention": {}, "slding_attention": {}}}"#
        #expect(try failure(typo, layerType: "full_attention").reason.contains("unknown field rope_parameters.slding_attention"))
        let flat = #"{"rope_parameters": {"rope_theta": 5}}"#
        for defaults in [RotaryFieldsTests.gemma, RotaryFieldsTests.olmo] {
            let failure = try failure(flat, layerType: "full_attention", defaults: defaults)
            #expect(failure.reason.contains("must have an object for each type of layer"))
        }
        let truncated = #"{"rope_parameters": {"full_attention": {"rope_type": "yarn", "factor": 4, "truncate": false}}}"#
        #expect(
            try failure(truncated, layerType: "full_attention").reason.contains("rope_parameters.full_attention.truncate = false"))
    }

    // MARK: Refusals

    @Test(
        "types and fields that are not implemented are refused by name",
        arguments: [
            (#"{"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}"#, #"rope_scaling asks for rotary positions of the type "mrope""#),
            (#"{"rope_parameters": {"rope_type": "proportional"}}"#, #"type "proportional", which is not implemented, only default, linear"#),
            (#"{"rope_scaling": {"type": "default", "mrope_section": [1, 1]}}"#, "unknown field rope_scaling.mrope_section"),
            (#"{"rope_scaling": {"type": "linear", "factor": 2, "beta_fast": 3}}"#, "unknown field rope_scaling.beta_fast = 3"),
            (#"{"rope_scaling": {"factor": 2.0}}"#, "rope_scaling.factor = 2.0 is not implemented, only 1"),
            (
                #"{"rope_scaling": {"type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 64}}"#,
                "rope_scaling.original_max_position_embeddings = 64 is not implemented, only 512"
            ),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2.0, "finetuned": true}}"#, "unknown field rope_scaling.finetuned"),
        ])
    func refused(json: String, words: String) throws {
        let failure = try failure(json)
        #expect(failure.exitCode == .configuration && failure.reason.contains(words))
    }

    @Test(
        "contradictions and impossible values are damaged data, named",
        arguments: [
            (#"{"rope_theta": 10000, "rope_parameters": {"rope_theta": 500000}}"#, "contradicts rope_parameters.rope_theta"),
            (#"{"rope_theta": 10000, "rotary_emb_base": 500000}"#, "contradicts"),
            (#"{"rope_scaling": {"type": "linear", "rope_type": "default"}}"#, "contradicts rope_type"),
            (
                #"{"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"type": "default"}}"#,
                "rope_scaling contradicts rope_parameters"
            ),
            (
                #"{"rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 64}, "original_max_position_embeddings": 32}"#,
                "original_max_position_embeddings = 32 contradicts rope_scaling.original_max_position_embeddings = 64"
            ),
            (#"{"rope_theta": 0}"#, "rope_theta"), (#"{"rope_theta": "1e4"}"#, "rope_theta"),
            (#"{"rope_parameters": []}"#, "rope_parameters = [] must be an object"),
            (#"{"rope_parameters": {"rope_theta": true}}"#, "rope_parameters.rope_theta"),
            (#"{"rope_scaling": {"type": 3}}"#, "rope_scaling.type = 3 must be a string"),
            (#"{"rope_scaling": {"type": "linear"}}"#, "rope_scaling.factor is missing"),
            (#"{"rope_scaling": {"type": "linear", "factor": -1}}"#, "rope_scaling.factor = -1"),
            (#"{"rope_scaling": {"type": "dynamic"}}"#, "rope_scaling.factor is missing"),
            (#"{"rope_scaling": {"type": "yarn"}}"#, "rope_scaling.factor is missing"),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2, "attention_factor": 0}}"#, "attention_factor"),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2, "mscale": -1, "mscale_all_dim": 1}}"#, "mscale = -1"),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}}"#, "beta_fast = 1 must be at least"),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2, "truncate": 1}}"#, "truncate = 1 must be true or false"),
            (#"{"rope_scaling": {"type": "yarn", "factor": 2}, "rope_theta": 1}"#, "rope_theta = 1"),
            (#"{"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 1}}"#, "high_freq_factor is missing"),
            (
                #"{"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 1}}"#,
                "high_freq_factor = 1 must be above low_freq_factor"
            ),
            (#"{"rope_scaling": {"type": "longrope", "short_factor": [1, 1]}}"#, " has 2 numbers, but 8 pairs of columns turn"),
            (#"{"rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 0]}}"#, "short_factor"),
            (#"{"rope_scaling": {"type": "longrope", "short_factor": 1}}"#, "short_factor = 1 must be a list"),
            (#"{"rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1]}}"#, "long_factor is missing"),
            (#"{"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 1}"#, "original_max_position_embeddings = 1"),
            (#"{"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 0}"#, "original_max_position_embeddings = 0"),
        ])
    func damaged(json: String, words: String) throws {
        let failure = try failure(json)
        #expect(failure.exitCode == .damagedData && failure.reason.contains(words))
    }

    @Test("a share of the head must leave an even number of columns, above 0 and within the head")
    func dimensions() throws {
        for (factor, head) in [("0.5", 6), ("0.1", 16), ("1.5", 16), ("0", 16), ("\"x\"", 16), ("1", 7)] {
            let failure = try failure(
                "{\"partial_rotary_factor\": \(factor)}", head: head, defaults: RotaryDefaults(partialFactor: 0.5))
            #expect(failure.exitCode == .damagedData && failure.description.contains("partial_rotary_factor"))
        }
        let two = try failure(#"{"rope_scaling": {"rope_type": "dynamic", "factor": 2}}"#, head: 2)
        #expect(two.reason.contains("needs at least 4 columns that turn"))
        let shares = #"{"partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.25}}"#
        #expect(try failure(shares, defaults: RotaryDefaults(partialFactor: 1)).reason.contains("contradicts"))
    }
}
