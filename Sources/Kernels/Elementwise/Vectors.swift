import Tensors

// n components.

/// Distances between two vectors, summed in Double, and their gradients.
public enum Vectors {
    /// Mean over the components of (x − y)².
    public static func meanSquaredDifference(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        var sum = 0.0
        for index in 0..<count {
            let difference = Double(x[index]) - Double(y[index])
            sum += difference * difference
        }
        return sum / Double(count)
    }

    /// Turns x into weight · ∂(mean (x − y)²)/∂x, in place.
    public static func squaredDifferenceGradient(
        _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int, weight: Float
    ) {
        let factor = 2 * weight / Float(count)
        for index in 0..<count { x[index] = factor * (x[index] - y[index]) }
    }

    /// The cosine of the angle between two vectors. If one vector is zero, the cosine and its gradient are 0.
    public struct Cosine {
        private let product, squaredX, squaredY: Double

        public init(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) {
            var (product, squaredX, squaredY) = (0.0, 0.0, 0.0)
            for index in 0..<count {
                let (a, b) = (Double(x[index]), Double(y[index]))
                product += a * b
                squaredX += a * a
                squaredY += b * b
            }
            (self.product, self.squaredX, self.squaredY) = (product, squaredX, squaredY)
        }

        private var isDefined: Bool { squaredX > 0 && squaredY > 0 }
        public var value: Double { isDefined ? product / (squaredX * squaredY).squareRoot() : 0 }

        /// Turns x into weight · ∂(1 − cos)/∂x, in place.
        public func lossGradient(
            _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int, weight: Float
        ) {
            let ofY = isDefined ? Float(-1 / (squaredX * squaredY).squareRoot()) * weight : 0
            let ofX = isDefined ? Float(value / squaredX) * weight : 0
            for index in 0..<count { x[index] = ofX * x[index] + ofY * y[index] }
        }
    }
}
