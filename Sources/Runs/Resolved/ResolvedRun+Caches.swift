import Checkpoints
import Datasets
import References
import Settings

extension ResolvedRun {
    /// The run's datasets, for which reference values can be cached.
    package var datasets: [(role: DatasetRole, name: String, file: DatasetFile)] {
        var datasets: [(role: DatasetRole, name: String, file: DatasetFile)] = []
        if let training { datasets.append((.training, "train", training)) }
        for (index, entry) in validation.enumerated() {
            datasets.append((.validation(index), "validation.\(entry.name)", entry.file))
        }
        return datasets
    }

    /// One cache for each reference that asks for it. An evaluation sees each record once and has no cache.
    package func referenceCaches() -> [ReferenceCache] {
        guard training != nil else { return [] }
        let scoring = scoredTokens
        return cachedReferences.map { name in
            var tables: [DatasetRole: ReferenceTable] = [:]
            for dataset in datasets {
                let file = dataset.file
                tables[dataset.role] = ReferenceTable(recordCount: file.recordCount) {
                    file.scoredRowCount(of: $0, scoring)
                }
            }
            return ReferenceCache(reference: name, tables: tables)
        }
    }

    /// Number of scored rows that are certain to be seen, over all datasets. A run limited by steps may end before its
    /// first epoch does: in this case only validation data count.
    var certainRowCount: Int {
        let isWhole = if case .epochs = configuration.schedule.length { true } else { false }
        let scoring = scoredTokens
        var count = 0
        for dataset in datasets where isWhole || dataset.role != .training {
            for record in 0..<dataset.file.recordCount {
                count += dataset.file.scoredRowCount(of: record, scoring) ?? 0
            }
        }
        return count
    }

    var cachedReferences: [String] {
        references.map(\.settings).filter { $0.cache == .memory && needs(ofReference: $0.name).logProbabilities }.map(\.name)
    }

    /// Refuses a cache for references whose distributions or hidden states are needed: these are not cached.
    ///
    /// - Throws: `Failure` (configuration) naming the first such reference.
    func checkCaches() throws(Failure) {
        for reference in references.map(\.settings) where reference.cache == .memory {
            let needs = needs(ofReference: reference.name)
            guard needs.distributions || !needs.layers.isEmpty else { continue }
            throw .configuration(
                "\(configuration.file): references.\(reference.name).cache",
                "keeps only log-probabilities, but \(reference.name) is a teacher: its distributions or hidden states must be "
                    + "computed each time",
                remedy: "Set it to off, or leave it out.")
        }
    }
}
