import Settings
import Tensors

/// Puts the parameters of a model together to the tensors of its family's files, for an export.
///
/// Parameters come row by row in any order of their own. A tensor that is one parameter passes through; any other is gathered
/// in memory until its last row is there.
struct TensorAssembly {
    /// Where rows of one parameter go.
    private struct Target {
        let tensor: Int
        let layout: TensorLayout
    }

    /// A tensor of the file.
    private struct Entry {
        let tensor: SafetensorsWriter.Tensor
        /// The position of the parameter with which it is complete.
        let last: Int
        /// Nil if it is one parameter.
        let layout: TensorLayout?
        var firstRow: Int { layout?.parts[0].rows.lowerBound ?? 0 }
    }

    /// The tensors of the file, in the order in which they are complete.
    let tensors: [SafetensorsWriter.Tensor]
    /// By parameter. Parameters that are not here pass through under the name in `passing`.
    private var targets: [String: [Target]] = [:]
    private var passing: [String: String] = [:]
    /// Rows of each parameter that have come.
    private var rowsTaken: [String: Int] = [:]
    private var buffers: [Int: Matrix] = [:]
    private var missing: [Int: Int] = [:]

    /// - Parameters:
    ///   - parameters: all parameters in the order in which their rows come.
    ///   - layout: nil if `parameters` are tensors of the file already.
    init(_ parameters: [SafetensorsWriter.Tensor], layout: ModelLayout?) {
        guard let layout else {
            tensors = parameters
            for parameter in parameters { passing[parameter.name] = parameter.name }
            return
        }
        var order: [String: Entry] = [:]
        for (position, parameter) in parameters.enumerated() {
            if layout.isPlain(parameter.name) {
                let name = layout.tensorNames(of: parameter.name)[0]
                passing[parameter.name] = name
                let tensor = SafetensorsWriter.Tensor(name: name, elementType: parameter.elementType, shape: parameter.shape)
                order[name] = Entry(tensor: tensor, last: position, layout: nil)
                continue
            }
            let parts = layout.tensors(
                of: parameter.name, rowCount: parameter.matrixRowCount, columnCount: parameter.columnCount)
            for part in parts {
                let tensor = SafetensorsWriter.Tensor(name: part.name, elementType: parameter.elementType, shape: part.shape)
                order[part.name] = Entry(tensor: tensor, last: position, layout: part)
            }
        }
        // Tensors of single heads are complete at the same time: their rows come in the order of the heads.
        let sorted = order.values.sorted { ($0.last, $0.firstRow) < ($1.last, $1.firstRow) }
        tensors = sorted.map(\.tensor)
        for (index, entry) in sorted.enumerated() {
            guard let layout = entry.layout else { continue }
            missing[index] = layout.rowCount
            for parameter in Set(layout.parts.map(\.parameter)) {
                targets[parameter, default: []].append(Target(tensor: index, layout: layout))
            }
        }
    }

    /// Takes the next rows of a parameter; a vector is one row. Gives `write` each tensor, or rows of it, that can be written.
    mutating func append<Failed>(
        _ rows: Matrix, to parameter: String, write: (Matrix, _ tensor: String) throws(Failed) -> Void
    ) throws(Failed) {
        if let name = passing[parameter] { return try write(rows, name) }
        guard let targets = targets[parameter] else { brokenInvariant("\(parameter): the export was not told of it") }
        let isColumn = targets[0].layout.columnCount != rows.columnCount || rows.columnCount == 1
        let count = isColumn ? rows.rowCount * rows.columnCount : rows.rowCount
        let first = rowsTaken[parameter, default: 0]
        rowsTaken[parameter] = first + count
        for target in targets.sorted(by: { $0.tensor < $1.tensor }) {
            let buffer = buffers[target.tensor] ?? TensorAssembly.buffer(target.layout)
            buffers[target.tensor] = buffer
            for place in target.layout.places(of: parameter) {
                let range = place.own.clamped(to: first..<first + count)
                guard !range.isEmpty else { continue }
                for row in range {
                    let stored = place.stored.lowerBound + row - place.own.lowerBound
                    TensorAssembly.copy(row - first, of: rows, isColumn: isColumn, to: stored, of: buffer, target.layout)
                }
                missing[target.tensor]! -= range.count
            }
            guard missing[target.tensor] == 0 else { continue }
            buffers[target.tensor] = nil
            missing[target.tensor] = nil
            try write(buffer, target.layout.name)
        }
    }

    /// Memory of a tensor in the shape that the file has.
    private static func buffer(_ layout: TensorLayout) -> Matrix {
        Matrix(rowCount: layout.shape.dropLast().reduce(1, *), columnCount: layout.shape.last!)
    }

    private static func copy(
        _ row: Int, of rows: Matrix, isColumn: Bool, to stored: Int, of buffer: Matrix, _ layout: TensorLayout
    ) {
        if isColumn {
            let value = rows[row / rows.columnCount, row % rows.columnCount]
            buffer[stored / buffer.columnCount, stored % buffer.columnCount] = value
        } else if layout.isTransposed {
            for column in 0..<layout.columnCount { buffer[column, stored] = rows[row, column] }
        } else {
            for column in 0..<layout.columnCount { buffer[stored, column] = rows[row, column] }
        }
    }
}

extension SafetensorsWriter.Tensor {
    /// Rows as a matrix; a vector is one row.
    fileprivate var matrixRowCount: Int { shape.count == 1 ? 1 : rowCount }
}
