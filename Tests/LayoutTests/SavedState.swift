import Foundation
import HDF5
import Testing

/// A checkpoint as another program would read it: every parameter whole, put together float by float from what the manifest
/// says of the files. It shares no code with what loads one.
enum SavedState {
    struct Manifest: Decodable {
        struct Block: Decodable {
            struct Parameter: Decodable {
                let name: String
                let shape, rows, columns: [Int]
                let offset: Int
            }
            let tensor, count: Int
            let parameters: [Parameter]
        }
        struct Shard: Decodable {
            let file: String
            let tensor, data: Int
            let ranges: [[Int]]
        }
        let blocks: [Block]
        let shards: [Shard]
    }

    static func manifest(_ folder: String) throws -> Manifest {
        try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/manifest.json")))
    }

    /// By dataset and parameter, row by row, as bits.
    static func parameters(_ folder: String) throws -> [String: [UInt32]] {
        let manifest = try manifest(folder)
        var all: [String: [UInt32]] = [:]
        for quantity in ["values", "first_moments", "second_moments"] {
            for block in manifest.blocks {
                var floats = [Float?](repeating: nil, count: block.count)
                for shard in manifest.shards where shard.tensor == block.tensor {
                    let path = folder + "/" + shard.file
                    let file = try HDF5File(opening: path)
                    let dataset = try HDF5Dataset<Float>(opening: quantity, in: file, fileByteCount: .max)
                    let places = shard.ranges.flatMap { Array($0[0]..<$0[1]) }
                    let stored = try dataset.read(0..<dataset.count)
                    try #require(stored.count == places.count)
                    for (place, value) in zip(places, stored) {
                        try #require(floats[place] == nil, "float \(place) is there twice")
                        floats[place] = value
                    }
                }
                for parameter in block.parameters {
                    let key = quantity + " " + parameter.name
                    var whole = all[key] ?? Array(repeating: .max, count: parameter.shape[0] * parameter.shape[1])
                    var place = parameter.offset
                    for row in parameter.rows[0]..<parameter.rows[1] {
                        for column in parameter.columns[0]..<parameter.columns[1] {
                            let bits = try #require(floats[place]).bitPattern
                            let target = row * parameter.shape[1] + column
                            // What several tensor ranks hold whole is the same on all of them.
                            try #require(whole[target] == .max || whole[target] == bits)
                            whole[target] = bits
                            place += 1
                        }
                    }
                    all[key] = whole
                }
            }
        }
        return all
    }
}
