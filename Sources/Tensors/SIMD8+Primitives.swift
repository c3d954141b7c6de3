/// Eight floats: one AVX2 register. The unit of every hand-vectorised loop.
public typealias Float8 = SIMD8<Float>

extension UnsafeMutablePointer<Float> {
    /// Eight floats from `offset` on, at any alignment.
    @inlinable @inline(__always)
    public func load8(_ offset: Int) -> Float8 {
        UnsafeRawPointer(self + offset).loadUnaligned(as: Float8.self)
    }

    @inlinable @inline(__always)
    public func store8(_ value: Float8, _ offset: Int) {
        UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: Float8.self)
    }

    /// The last `count` (1 to 7) floats from `offset` on; the other lanes hold `fill`.
    @inlinable @inline(__always)
    public func loadPartial(_ offset: Int, count: Int, fill: Float) -> Float8 {
        var value = Float8(repeating: fill)
        for lane in 0..<count { value[lane] = self[offset + lane] }
        return value
    }

    @inlinable @inline(__always)
    public func storePartial(_ value: Float8, _ offset: Int, count: Int) {
        for lane in 0..<count { self[offset + lane] = value[lane] }
    }
}

extension SIMD8<Float> {
    /// Sum of the lanes, as a tree: a fixed order.
    @inlinable @inline(__always)
    public var laneSum: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    @inlinable @inline(__always)
    public var laneMaximum: Float {
        var four = lowHalf
        four.replace(with: highHalf, where: highHalf .> lowHalf)
        var two = four.lowHalf
        two.replace(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x > two.y ? two.x : two.y
    }
}

/// e^x for each lane, relative error below 2e-7; arguments are clamped to [-87, 88], NaN stays NaN.
@inlinable @inline(__always)
public func exponential(_ x: Float8) -> Float8 {
    var clamped = x
    clamped.replace(with: Float8(repeating: -87), where: clamped .< -87)
    clamped.replace(with: Float8(repeating: 88), where: clamped .> 88)
    let parts = ExponentialParts(clamped)
    let value = (parts.rest + 1).addingProduct(parts.series, parts.rest * parts.rest)
    // A product, because adding to the exponent bits would turn a NaN into a number.
    return value * parts.power
}

/// 2^x for each lane and x ≤ 127, relative error below 3e-7; arguments below −126 give 2⁻¹²⁶, NaN stays NaN.
///
/// As `exponential`, but one exact subtraction reduces the range. The polynomial is that of Cephes' `exp2f`.
@inlinable @inline(__always)
public func exponentialOfTwo(_ x: Float8) -> Float8 {
    var clamped = x
    clamped.replace(with: Float8(repeating: -126), where: clamped .< -126)
    let magic: Float = 12_582_912 + 127
    let shifted = clamped + magic
    let rest = clamped - (shifted - magic)
    var series = Float8(repeating: 1.535_336_2e-4)
    series = Float8(repeating: 1.339_887_44e-3).addingProduct(series, rest)
    series = Float8(repeating: 9.618_437_36e-3).addingProduct(series, rest)
    series = Float8(repeating: 5.550_332_47e-2).addingProduct(series, rest)
    series = Float8(repeating: 2.402_264_79e-1).addingProduct(series, rest)
    series = Float8(repeating: 6.931_472_03e-1).addingProduct(series, rest)
    let value = Float8(repeating: 1).addingProduct(series, rest)
    return value * unsafeBitCast(unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23, to: Float8.self)
}

/// √x for each lane, for 0 and positive normal numbers, relative error below 1.5e-7; numbers above 3e38 count as 3e38.
///
/// `squareRoot()` compiles to one call per lane. This function starts with the well-known guess of 1/√x from halved
/// exponents. Two Newton steps improve 1/√x, and a last one improves √x.
@inlinable @inline(__always)
public func squareRoot(_ x: Float8) -> Float8 {
    var value = x
    value.replace(with: Float8(repeating: 3e38), where: value .> 3e38)
    let guess = SIMD8<Int32>(repeating: 0x5F37_59DF) &- (unsafeBitCast(value, to: SIMD8<Int32>.self) &>> 1)
    var inverse = unsafeBitCast(guess, to: Float8.self)
    let half = value * 0.5
    inverse *= Float8(repeating: 1.5).addingProduct(-half * inverse, inverse)
    inverse *= Float8(repeating: 1.5).addingProduct(-half * inverse, inverse)
    let root = value * inverse
    return root.addingProduct(inverse * 0.5, value.addingProduct(-root, root))
}
