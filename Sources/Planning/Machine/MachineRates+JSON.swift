import JSON

// `machine.json`, type by type.

extension MachineRates: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "version": version, "processor": processor, "cores": cores, "memory_bytes": memoryBytes, "products": products,
            "attention": attention, "score_seconds_per_logit": scoreSecondsPerLogit,
            "gradient_seconds_per_logit": gradientSecondsPerLogit, "memory_bytes_per_second": memoryBytesPerSecond,
            "memory_bytes_per_second_of_one_core": memoryBytesPerSecondOfOneCore, "overheads": overheads,
            "process_bytes": processBytes, "thread_bytes": threadBytes, "messaging_bytes": messagingBytes,
            "reduction_ranks": reductionRanks, "reductions": reductions, "network": network,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        version = try fields["version"]
        processor = try fields["processor"]
        cores = try fields["cores"]
        memoryBytes = try fields["memory_bytes"]
        products = try fields["products"]
        attention = try fields["attention"]
        scoreSecondsPerLogit = try fields["score_seconds_per_logit"]
        gradientSecondsPerLogit = try fields["gradient_seconds_per_logit"]
        memoryBytesPerSecond = try fields["memory_bytes_per_second"]
        memoryBytesPerSecondOfOneCore = try fields["memory_bytes_per_second_of_one_core"]
        overheads = try fields["overheads"]
        processBytes = try fields["process_bytes"]
        threadBytes = try fields["thread_bytes"]
        messagingBytes = try fields["messaging_bytes"]
        reductionRanks = try fields["reduction_ranks"]
        reductions = try fields["reductions"]
        network = try fields["network"]
    }
}

extension MachineRates.Product: JSONRepresentable {
    public var json: JSONValue { .fields(["form": form, "m": m, "n": n, "k": k, "one_core": oneCore, "each_core": eachCore]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        form = try fields["form"]
        m = try fields["m"]
        n = try fields["n"]
        k = try fields["k"]
        oneCore = try fields["one_core"]
        eachCore = try fields["each_core"]
    }
}

extension MachineRates.Attention: JSONRepresentable {
    public var json: JSONValue { .fields(["tokens": tokens, "forward": forward, "backward": backward]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        tokens = try fields["tokens"]
        forward = try fields["forward"]
        backward = try fields["backward"]
    }
}

extension MachineRates.Overhead: JSONRepresentable {
    public var json: JSONValue { .fields(["threads": threads, "factor": factor]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        threads = try fields["threads"]
        factor = try fields["factor"]
    }
}

extension MachineRates.Reduction: JSONRepresentable {
    public var json: JSONValue { .fields(["bytes": bytes, "sum_seconds": sumSeconds, "bucket_seconds": bucketSeconds]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        bytes = try fields["bytes"]
        sumSeconds = try fields["sum_seconds"]
        bucketSeconds = try fields["bucket_seconds"]
    }
}

extension MachineRates.Network: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "latency_seconds": latencySeconds, "bytes_per_second": bytesPerSecond, "is_assumed": isAssumed,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        latencySeconds = try fields["latency_seconds"]
        bytesPerSecond = try fields["bytes_per_second"]
        isAssumed = try fields["is_assumed"]
    }
}
