/// tanh x for each lane, relative error below 4e-7; NaN stays NaN. Beyond ±10 the result is ±1 in float32.
///
/// tanh x = m / (m + 2) with m = e^2x − 1. The parts of e^2x give m without the cancellation at small x.
@inlinable @inline(__always)
public func hyperbolicTangent(_ x: Float8) -> Float8 {
    var twice = x + x
    twice.replace(with: Float8(repeating: -20), where: twice .< -20)
    twice.replace(with: Float8(repeating: 20), where: twice .> 20)
    let parts = ExponentialParts(twice)
    let fraction = parts.rest.addingProduct(parts.series, parts.rest * parts.rest)
    let exponentialMinusOne = (parts.power - 1).addingProduct(parts.power, fraction)
    return exponentialMinusOne / (exponentialMinusOne + 2)
}
