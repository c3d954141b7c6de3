import Settings
import Tensors

/// Parameters of the model, by the names of `ParameterTable`, in the tensors of the files.
extension HuggingFaceCheckpoint {
    /// The full parameter, `rowCount × columnCount`; a vector is one row, and may be stored as a vector.
    ///
    /// Rows that lie together in a file are a view of it. Others are copied: fused heads that alternate, transposed matrices and
    /// weights of single heads.
    ///
    /// - Throws: `Failure` (damaged data) if a tensor is missing, or has another shape or an unsupported type.
    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        var parts: [StoredMatrix] = []
        for tensor in layout.tensors(of: name, rowCount: rowCount, columnCount: columnCount) {
            let whole = try stored(tensor, of: name)
            for place in tensor.places(of: name) {
                if tensor.isTransposed {
                    parts.append(whole.columns(place.stored).transposed())
                } else {
                    parts.append(whole.reshaped(rowCount: tensor.rowCount, columnCount: tensor.columnCount).rows(place.stored))
                }
            }
        }
        invariant(!parts.isEmpty, "\(name) lies in a tensor")
        if parts.contains(where: { $0.elementType != parts[0].elementType }) {
            throw .damaged(
                folder, "the tensors that hold \(name.printable) are stored in different types",
                remedy: "Convert the checkpoint to one of these types.")
        }
        let all = parts.count == 1 ? parts[0] : StoredMatrix.stacking(parts)
        return all.reshaped(rowCount: rowCount, columnCount: columnCount)
    }

    /// A tensor of the files, in the shape of the file.
    private func stored(_ tensor: TensorLayout, of parameter: String) throws(Failure) -> StoredMatrix {
        let spellings = storedNames(of: tensor.name, parameter)
        guard let name = spellings.first(where: { fileOfTensor[$0] != nil }) else {
            throw .damaged(
                folder, "its weights have no tensor \(spellings[0].printable)",
                remedy: "Check that config.json belongs to these weights.")
        }
        return try files[fileOfTensor[name]!].matrix(named: name, shape: tensor.shape)
    }

    /// The header entry of the model's parameter `name`: of the tensor that holds it, or of the part that it has of a fused
    /// tensor. Nil if the weights have no such tensor.
    public func tensor(named name: String) -> SafetensorsTensor? {
        let headers = layout.tensorNames(of: name).compactMap { header(of: $0, name) }
        guard let first = headers.first, !layout.isPlain(name) else { return headers.first }
        guard let share = layout.share(of: name) else {
            let byteCount = headers.reduce(0) { $0 + $1.byteCount }
            let count = headers.reduce(0) { $0 + $1.elementCount }
            let shape = headers.count > 1 ? [count] : layout.isTransposed(name) ? first.shape.reversed() : first.shape
            return SafetensorsTensor(name: first.name, type: first.type, shape: shape, byteRange: 0..<byteCount)
        }
        let matrix = layout.isTransposed(name) ? first.shape.reversed() : first.shape
        return SafetensorsTensor(
            name: first.name, type: first.type, shape: [share.rowCount] + matrix.dropFirst(),
            byteRange: 0..<first.byteCount / max(1, share.total) * share.rowCount)
    }

    /// The header entry of a tensor of the files by the family's usual name for it.
    func header(of tensor: String, _ parameter: String) -> SafetensorsTensor? {
        guard let name = storedNames(of: tensor, parameter).first(where: { fileOfTensor[$0] != nil }) else { return nil }
        return files[fileOfTensor[name]!].tensor(named: name)
    }

    /// The names that the tensor `name` may have in the files. A tied head that is stored alone is also the embedding.
    private func storedNames(of name: String, _ parameter: String) -> [String] {
        let isHead = storedHead == .headAlone && parameter == StoredHead.embeddingName
        return layout.spellings(of: isHead ? layout.tensorNames(of: StoredHead.headName)[0] : name)
    }

    /// Refuses weights that the model does not use: a tensor outside the parameters `known` is a sign of another architecture.
    ///
    /// Three kinds of tensors are accepted: the rotary frequencies in old checkpoints (they follow from `rope_theta`), masks
    /// that a family's old checkpoints hold, and the head if it is tied. Its numbers are then equal to the embedding, or the
    /// only copy of it.
    ///
    /// - Throws: `Failure` (damaged data) naming the file and the tensors.
    public func checkNothingUnexpected(known: Set<String>) throws(Failure) {
        let expected = Set(known.flatMap { layout.tensorNames(of: $0) }.flatMap { layout.spellings(of: $0) })
        let heads = layout.spellings(of: layout.tensorNames(of: StoredHead.headName)[0])
        for file in files {
            let unexpected = file.tensors.map(\.name).filter { name in
                !expected.contains(name) && !isHarmless(name) && !(configuration.tiedEmbeddings && heads.contains(name))
            }
            guard let first = unexpected.first else { continue }
            let others = unexpected.count > 1 ? " (and \(unexpected.count - 1) more)" : ""
            throw .damaged(
                file.path,
                "tensor \(first.printable)\(others) belongs to no part of a \(configuration.family.rawValue) model",
                remedy: "Check that config.json belongs to these weights.")
        }
        try refuseRepetition()
    }

    /// Refuses two tensors that stand for the same one under two names.
    private func refuseRepetition() throws(Failure) {
        for usual in tensorNames {
            for other in layout.spellings(of: usual).dropFirst() {
                guard let file = fileOfTensor[other] else { continue }
                throw .damaged(
                    files[file].path, "tensor \(other.printable) is there a second time, as \(usual.printable)",
                    remedy: "Remove one of them.")
            }
        }
    }

    private func isHarmless(_ name: String) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || layout.names.harmlessSuffixes.contains(where: name.hasSuffix)
    }
}
