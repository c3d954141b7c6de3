import Collectives
import Kernels
import Model
import Settings

extension ModelOrigin {
    /// The frozen model, in the type of its file.
    package func frozen(tensor: any ProcessGroup, workers: Workers) throws(Failure) -> Transformer<Frozen> {
        let sharding = ModelSharding(configuration, size: tensor.size)
        let parameters = try FrozenParameters(
            ParameterTable(configuration), sharding: sharding, rank: tensor.rank, source: source)
        return Transformer(configuration, parameters: parameters, tensor: tensor, workers: workers, sharding: sharding)
    }
}
