/// An activation x · p(x): the portion p(x) of x passes. Eight numbers at a time.
public protocol ActivationFunction {
    /// p(x)
    static func portion(_ x: Float8) -> Float8

    /// p(x), and the derivative of x · p(x).
    static func portionAndSlope(_ x: Float8) -> (portion: Float8, slope: Float8)
}
