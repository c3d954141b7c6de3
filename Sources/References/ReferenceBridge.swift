import BasicContainers
import Collectives
import Kernels
import Model
import Settings
import Tensors

// R targets and U scored hidden rows of a micro-batch, D the reference's width.

/// A frozen reference in a layout of its own. The bridge sends its values to the ranks that need them: log-probabilities
/// `[R]` or hidden states `[U, D]`, nothing larger.
///
/// All ranks walk through the same rounds. At the first round of a window, each copy of the reference computes its
/// scheduled micro-batches and starts to send the values. A rank waits for values when it uses them; log-probabilities are
/// used after the policy's forward. Sends wait for nobody, so no order of ranks can deadlock.
package final class ReferenceBridge {
    package let name: String
    private let placement: ReferencePlacement
    private let policy: ParallelLayout
    private let world: any ProcessGroup
    /// Nil on a rank that holds no shard of the reference.
    private let forward: ReferenceForward?
    /// `[V', D]` the rows of the head for this rank's vocabulary. Losses over distributions read them besides hidden
    /// states.
    private let head: HeadView?
    private let layers: [Int]
    private let width: Int
    private let scoring: Bool
    /// Separates this reference's messages from those of other references.
    private let tag: Int
    private var schedule = BridgeSchedule(costs: [], replicaCount: 1)
    private var sends = UniqueArray<PendingCollective>()
    /// Values that this rank computed for itself.
    private var local: [MicroBatchPlace: HookValues] = [:]
    /// Hidden states between their forward and their use: one set for each micro-batch of a window.
    private var outgoing: [[ScratchMatrix]] = []
    private var incoming: [ScratchMatrix] = []

    /// - Parameters:
    ///   - forward: this rank's shard of the model, if it has one.
    ///   - head: given if a loss reads the reference's distributions.
    ///   - needs: the values that objectives read.
    init(
        name: String, placement: ReferencePlacement, policy: ParallelLayout, world: any ProcessGroup,
        forward: ReferenceForward?, head: HeadView?, needs: ReferenceNeeds, width: Int, tag: Int
    ) {
        self.name = name
        self.placement = placement
        self.policy = policy
        self.world = world
        self.forward = forward
        self.head = head
        layers = needs.layers.sorted()
        scoring = needs.logProbabilities
        self.width = width
        self.tag = tag
    }

    /// Whether only log-probabilities are sent. They travel during the policy's forward and are read after it.
    package var arrivesDuringForward: Bool { head == nil && layers.isEmpty }

    private var replica: Int? { placement.replicas.firstIndex { $0.contains(world.rank) } }

    /// Deals the step's micro-batches to the reference's copies. Returns those that this rank computes.
    ///
    /// - Parameter costs: for every data rank, the tokens of its micro-batches; 0 if the values are known already.
    package func plan(costs: [[Int]]) -> Set<MicroBatchPlace> {
        schedule = BridgeSchedule(costs: costs, replicaCount: placement.layout.data)
        return replica.map(schedule.places) ?? []
    }

    /// If `round` begins a window, computes and sends the window's values. Collective over the ranks of each copy.
    ///
    /// - Parameter plan: returns the plan of a micro-batch that this rank computes.
    package func serve(_ round: Int, _ plan: (MicroBatchPlace) -> ForwardPlan) throws(CollectiveError) {
        guard round.isMultiple(of: schedule.roundsPerWindow) else { return }
        // Sends of the last window may still read its states.
        try finish()
        guard let replica, let forward else { return }
        for (slot, place) in schedule.windows[round / schedule.roundsPerWindow][replica].enumerated() {
            let values = copy(try forward.values(for: plan(place)), slot: slot)
            for consumer in consumers(of: place) where source(of: consumer, replica) == world.rank {
                if consumer == world.rank {
                    local[place] = values
                } else {
                    try send(values, to: consumer)
                }
            }
        }
    }

    /// The values of one of this rank's own micro-batches. Waits until they arrive.
    package func values(for batch: PreparedMicroBatch, at place: MicroBatchPlace) throws(CollectiveError) -> HookValues {
        let window = schedule.windows[place.index / schedule.roundsPerWindow]
        let replica = window.firstIndex { $0.contains(place) }!
        let source = source(of: world.rank, replica)
        if source == world.rank {
            return local.removeValue(forKey: place)!
        }
        let logProbabilities =
            scoring
            ? try world.receive(count: batch.plan.targetRows.count, from: source, tag: tag) : []
        guard !arrivesDuringForward else { return HookValues(logProbabilities: logProbabilities) }
        while incoming.count < 1 + layers.count { incoming.append(ScratchMatrix()) }
        var matrices: [Matrix] = []
        for index in 0...layers.count {
            let matrix = incoming[index].matrix(rowCount: batch.plan.scoredPositions.count, columnCount: width)
            try world.receive(matrix, from: source, tag: tag)
            matrices.append(matrix)
        }
        return HookValues(logProbabilities: logProbabilities, states: states(matrices))
    }

    /// Waits until all sends have ended.
    package func finish() throws(CollectiveError) {
        while !sends.isEmpty { try sends.removeLast().wait() }
    }

    // MARK: Senders and receivers

    /// The ranks that need a micro-batch's values.
    private func consumers(of place: MicroBatchPlace) -> Range<Int> {
        (place.dataRank * policy.tensor)..<((place.dataRank + 1) * policy.tensor)
    }

    /// The rank of a copy that sends to `consumer`: the consumer itself if it belongs to the copy, else the ranks take
    /// turns.
    private func source(of consumer: Int, _ replica: Int) -> Int {
        let ranks = placement.replicas[replica]
        return ranks.contains(consumer) ? consumer : ranks[consumer % ranks.count]
    }

    private func send(_ values: HookValues, to consumer: Int) throws(CollectiveError) {
        if scoring { sends.append(try world.startSend(values.logProbabilities, to: consumer, tag: tag)) }
        guard let states = values.states else { return }
        sends.append(try world.startSend(states.hidden, to: consumer, tag: tag))
        for layer in layers { sends.append(try world.startSend(states.layers[layer]!, to: consumer, tag: tag)) }
    }

    /// Copies states that other ranks still need: the model's next forward overwrites them.
    private func copy(_ values: HookValues, slot: Int) -> HookValues {
        guard !arrivesDuringForward, let states = values.states else {
            return HookValues(logProbabilities: values.logProbabilities)
        }
        while outgoing.count <= slot { outgoing.append((0...layers.count).map { _ in ScratchMatrix() }) }
        let sources = [states.hidden] + layers.map { states.layers[$0]! }
        let copies = zip(sources, outgoing[slot]).map { source, scratch in
            let copy = scratch.matrix(rowCount: source.rowCount, columnCount: source.columnCount)
            copy.copy(from: source)
            return copy
        }
        return HookValues(logProbabilities: values.logProbabilities, states: self.states(copies))
    }

    /// - Parameter matrices: hidden states of the last layer, then of each kept layer.
    private func states(_ matrices: [Matrix]) -> ReferenceStates {
        ReferenceStates(
            hidden: matrices[0], head: head,
            layers: Dictionary(uniqueKeysWithValues: zip(layers, matrices.dropFirst())))
    }
}
