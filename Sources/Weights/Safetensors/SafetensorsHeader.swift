import JSON
import Settings

/// The header of a safetensors file: a JSON object from tensor names to type, shape and place.
///
/// Format: https://github.com/huggingface/safetensors. The file has 8 bytes with the header's length (little-endian), the
/// header, padded with spaces, and the data. The tensors cover the data without gap or overlap.
struct SafetensorsHeader {
    /// The largest header that the format allows, bytes.
    static let byteLimit = 100_000_000
    /// Bytes before the header, which hold the header's length.
    static let lengthByteCount = 8

    let metadata: [String: String]
    /// The tensors in the order of their data.
    let tensors: [SafetensorsTensor]

    /// - Parameters:
    ///   - bytes: the header, without its length before it.
    ///   - dataByteCount: bytes of the file after the header.
    /// - Throws: `Failure` (damaged data) naming the file, the tensor and the wrong field.
    init(_ bytes: [UInt8], dataByteCount: Int, path: String) throws(Failure) {
        guard bytes.first == UInt8(ascii: "{") else {
            throw .damagedFile(path, "its safetensors header does not begin with {")
        }
        guard let members = try JSONValue(bytes, place: "\(path): header").members else {
            throw .damagedFile(path, "its safetensors header is not a JSON object")
        }
        var metadata: [String: String] = [:]
        var tensors: [SafetensorsTensor] = []
        for member in members {
            let name = member.name.string
            if name == "__metadata__" {
                metadata = try SafetensorsHeader.metadata(member.value, path: path)
            } else {
                tensors.append(try SafetensorsHeader.tensor(name, member.value, path: path))
            }
        }
        tensors.sort {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        try SafetensorsHeader.checkCover(of: dataByteCount, by: tensors, path: path)
        self.metadata = metadata
        self.tensors = tensors
    }

    private static func metadata(_ value: JSONValue, path: String) throws(Failure) -> [String: String] {
        guard let members = value.members else { throw .damagedFile(path, "__metadata__ is not an object") }
        var result: [String: String] = [:]
        for member in members {
            let name = member.name.string
            guard let text = member.value.text else {
                throw .damagedFile(path, "__metadata__.\(name.printable) = \(member.value.excerpt) is not a string")
            }
            guard result.updateValue(text, forKey: name) == nil else {
                throw .damagedFile(path, "__metadata__: the name \"\(name.printable)\" occurs twice")
            }
        }
        return result
    }

    private static func tensor(
        _ name: String, _ description: JSONValue, path: String
    ) throws(Failure) -> SafetensorsTensor {
        let place = "tensor \(name.printable)"
        guard let fields = description.members else {
            throw .damagedFile(path, "\(place) is not described by an object")
        }
        for field in fields where !["dtype", "shape", "data_offsets"].contains(field.name.string) {
            throw .damagedFile(path, "\(place) has an unknown field \(field.name.string.printable)")
        }
        let shape = try shape(description["shape"], place: place, path: path)
        let type = try type(description["dtype"], place: place, path: path)
        let range = try byteRange(description["data_offsets"], place: place, path: path)
        let byteCount = try byteCount(of: shape, type: type, place: place, path: path)
        guard byteCount == range.count else {
            throw .damagedFile(
                path,
                "\(place): \(type.rawValue) \(shape.printable) takes \(byteCount) bytes, but data_offsets give it \(range.count)"
            )
        }
        return SafetensorsTensor(name: name, type: type, shape: shape, byteRange: range)
    }

    private static func type(_ value: JSONValue?, place: String, path: String) throws(Failure) -> SafetensorsType {
        guard let name = value?.text else { throw .damagedFile(path, "\(place): dtype is missing or not a string") }
        guard let type = SafetensorsType(rawValue: name) else {
            throw .damagedFile(path, "\(place): unknown dtype \(name.printable)")
        }
        return type
    }

    private static func shape(_ value: JSONValue?, place: String, path: String) throws(Failure) -> [Int] {
        guard let elements = value?.elements else {
            throw .damagedFile(path, "\(place): shape is missing or not a list")
        }
        var shape: [Int] = []
        for element in elements {
            guard let size = element.wholeNumber, size >= 0 else {
                throw .damagedFile(path, "\(place): shape holds \(element.excerpt), not a whole number from 0 up")
            }
            shape.append(size)
        }
        return shape
    }

    private static func byteRange(_ value: JSONValue?, place: String, path: String) throws(Failure) -> Range<Int> {
        guard let elements = value?.elements, elements.count == 2,
            let begin = elements[0].wholeNumber, let end = elements[1].wholeNumber
        else { throw .damagedFile(path, "\(place): data_offsets is missing or not a list of two whole numbers") }
        guard begin >= 0, begin <= end else {
            throw .damagedFile(path, "\(place): data_offsets [\(begin), \(end)] is not a range of bytes")
        }
        return begin..<end
    }

    private static func byteCount(
        of shape: [Int], type: SafetensorsType, place: String, path: String
    ) throws(Failure) -> Int {
        var bits = type.bitCount
        for size in shape {
            let (product, overflow) = bits.multipliedReportingOverflow(by: size)
            guard !overflow else {
                throw .damagedFile(path, "\(place): shape \(shape.printable) is larger than any memory")
            }
            bits = product
        }
        guard bits % 8 == 0 else {
            throw .damagedFile(path, "\(place): \(type.rawValue) \(shape.printable) does not fill whole bytes")
        }
        return bits / 8
    }

    /// Checks that `tensors`, in the order of their data, cover the data without gap or overlap.
    private static func checkCover(
        of dataByteCount: Int, by tensors: [SafetensorsTensor], path: String
    ) throws(Failure) {
        var covered = 0
        var previous = "the header"
        for tensor in tensors {
            let range = tensor.byteRange
            guard range.upperBound <= dataByteCount else {
                throw .damagedFile(
                    path,
                    "tensor \(tensor.name.printable) ends at byte \(range.upperBound) of the data, but the file has "
                        + "\(dataByteCount) (truncated?)")
            }
            guard range.lowerBound >= covered else {
                throw .damagedFile(path, "tensors \(previous.printable) and \(tensor.name.printable) overlap")
            }
            guard range.lowerBound == covered else {
                throw .damagedFile(
                    path,
                    "bytes \(covered)..<\(range.lowerBound) of the data, before tensor \(tensor.name.printable), belong to "
                        + "no tensor")
            }
            covered = range.upperBound
            previous = tensor.name
        }
        guard covered == dataByteCount else {
            throw .damagedFile(path, "\(dataByteCount - covered) bytes at its end belong to no tensor")
        }
    }
}

extension Failure {
    /// A weight file whose content is wrong.
    static func damagedFile(_ path: String, _ reason: String) -> Failure {
        .damaged(path, reason, remedy: "Download or export it again.")
    }
}
