import JSON

// `manifest.json`, type by type. Fields that later versions of the format have are optional, so that older checkpoints read.

extension CheckpointManifest: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "format_version": formatVersion, "kind": kind, "saved": saved, "step": step, "total_steps": totalSteps, "epoch": epoch,
            "position": position, "seed": seed, "layout": layout, "settings": settings, "metrics": metrics, "files": files,
            "blocks": blocks, "shards": shards, "reference_values": referenceValues, "model": model, "inputs": inputs,
            "environment": environment, "trainer_state": trainerState, "elapsed_seconds": elapsedSeconds,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        formatVersion = try fields["format_version"]
        kind = try fields["kind"]
        saved = try fields["saved"]
        step = try fields["step"]
        totalSteps = try fields["total_steps"]
        epoch = try fields["epoch"]
        position = try fields["position"]
        seed = try fields["seed"]
        layout = try fields["layout"]
        settings = try fields["settings"]
        metrics = try fields["metrics"]
        files = try fields["files"]
        blocks = try fields["blocks"]
        shards = try fields["shards"]
        referenceValues = try fields["reference_values"]
        model = try fields["model"]
        inputs = try fields["inputs"]
        environment = try fields["environment"]
        trainerState = try fields["trainer_state"]
        elapsedSeconds = try fields["elapsed_seconds"]
    }
}

extension CheckpointManifest.Layout: JSONRepresentable {
    public var json: JSONValue { .fields(["data": data, "tensor": tensor, "zero": zero]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        data = try fields["data"]
        tensor = try fields["tensor"]
        zero = try fields["zero"]
    }
}

extension CheckpointManifest.Model: JSONRepresentable {
    public var json: JSONValue { .fields(["configuration": configuration, "tokenizer_folder": tokenizerFolder]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        configuration = try fields["configuration"]
        tokenizerFolder = try fields["tokenizer_folder"]
    }
}

extension CheckpointManifest.File: JSONRepresentable {
    public var json: JSONValue { .fields(["name": name, "bytes": bytes, "sha256": sha256]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        bytes = try fields["bytes"]
        sha256 = try fields["sha256"]
    }
}

extension CheckpointManifest.MetricsPosition: JSONRepresentable {
    public var json: JSONValue { .fields(["bytes": bytes, "rows": rows]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        bytes = try fields["bytes"]
        rows = try fields["rows"]
    }
}

extension CheckpointManifest.Block: JSONRepresentable {
    public var json: JSONValue { .fields(["tensor": tensor, "count": count, "parameters": parameters]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        tensor = try fields["tensor"]
        count = try fields["count"]
        parameters = try fields["parameters"]
    }
}

extension CheckpointManifest.Parameter: JSONRepresentable {
    public var json: JSONValue { .fields(["name": name, "shape": shape, "rows": rows, "columns": columns, "offset": offset]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        shape = try fields["shape"]
        rows = try fields["rows"]
        columns = try fields["columns"]
        offset = try fields["offset"]
    }
}

extension CheckpointManifest.Shard: JSONRepresentable {
    public var json: JSONValue { .fields(["file": file, "tensor": tensor, "data": data, "ranges": ranges]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        file = try fields["file"]
        tensor = try fields["tensor"]
        data = try fields["data"]
        ranges = try fields["ranges"]
    }
}

extension CheckpointManifest.ReferenceValues: JSONRepresentable {
    public var json: JSONValue { .fields(["reference": reference, "dataset": dataset, "fingerprint": fingerprint]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        reference = try fields["reference"]
        dataset = try fields["dataset"]
        fingerprint = try fields["fingerprint"]
    }
}

extension CheckpointManifest.Input: JSONRepresentable {
    public var json: JSONValue { .fields(["key": key, "files": files]) }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        key = try fields["key"]
        files = try fields["files"]
    }
}

extension CheckpointManifest.Environment: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "ranks": ranks, "threads_per_rank": threadsPerRank, "blas_core": blasCore, "mpi": mpi, "collectives": collectives,
            "tandem": tandem, "program": program,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        ranks = try fields["ranks"]
        threadsPerRank = try fields["threads_per_rank"]
        blasCore = try fields["blas_core"]
        mpi = try fields["mpi"]
        collectives = try fields["collectives"]
        tandem = try fields["tandem"]
        program = try fields["program"]
    }
}
