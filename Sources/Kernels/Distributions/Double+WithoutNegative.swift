extension Double {
    /// Rounding may leave a sum that can't be negative a little below 0; NaN stays NaN.
    var withoutNegative: Double { self < 0 ? 0 : self }
}
