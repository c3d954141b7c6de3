import CHDF5
import Foundation
import Settings
import Testing

@testable import Datasets

/// HDF5 can do more than datasets need: read from other files, unpack. A dataset from elsewhere gets none of it.
@Suite("Datasets that would have the HDF5 library do other things") struct ForeignStorageTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The library's H5F_ACC_RDWR, a macro.
    private static let readWrite: UInt32 = 1

    /// How `tokens` is stored in the file under test.
    enum Storage: CaseIterable {
        case contiguous, externalFile, externalLink, softLink, compressed, unchecked, hugeChunks, virtual
    }

    @Test("tokens stored in any other way than prepare stores them are refused, and no other file is read", arguments: Storage.allCases)
    func refused(_ storage: Storage) throws {
        let path = folder.file("data.h5")
        try writePairs(samplePairs(4), to: path)
        try writePairs(samplePairs(4), to: folder.file("other.h5"))
        let file = H5Fopen(path, ForeignStorageTests.readWrite, chdf5_default())
        try #require(file >= 0)
        let count = tokenCount(file)
        #expect(H5Ldelete(file, "tokens", chdf5_default()) >= 0)
        let status = try replace(storage, in: file, count: count)
        #expect(status >= 0)
        #expect(H5Fclose(file) >= 0)
        let failure = try failure { () throws(Failure) in try DatasetFile(path: path) }
        #expect(failure.exitCode == .damagedData && failure.place == path, "\(failure)")
        #expect(failure.reason.contains("'tokens'"), "\(failure)")
    }

    private func tokenCount(_ file: hid_t) -> hsize_t {
        let dataset = H5Dopen2(file, "tokens", chdf5_default())
        let space = H5Dget_space(dataset)
        var count: hsize_t = 0
        H5Sget_simple_extent_dims(space, &count, nil)
        H5Sclose(space)
        H5Dclose(dataset)
        return count
    }

    private func replace(_ storage: Storage, in file: hid_t, count: hsize_t) throws -> herr_t {
        let other = folder.file("other.h5")
        switch storage {
        case .externalLink: return H5Lcreate_external(other, "/tokens", file, "tokens", chdf5_default(), chdf5_default())
        case .softLink: return H5Lcreate_soft("/offsets", file, "tokens", chdf5_default(), chdf5_default())
        default: break
        }
        let properties = H5Pcreate(chdf5_dataset_create())
        defer { H5Pclose(properties) }
        var extent = count
        // Only an extent that may grow has chunks larger than itself.
        var limit = chdf5_unlimited()
        let space = storage == .hugeChunks ? H5Screate_simple(1, &extent, &limit) : H5Screate_simple(1, &extent, nil)
        defer { H5Sclose(space) }
        var chunk: hsize_t = storage == .hugeChunks ? 1 << 28 : 16
        if ![.contiguous, .externalFile, .virtual].contains(storage) { H5Pset_chunk(properties, 1, &chunk) }
        switch storage {
        case .externalFile: H5Pset_external(properties, "/etc/hostname", 0, UInt64.max)
        case .compressed: H5Pset_deflate(properties, 9)
        case .hugeChunks: H5Pset_fletcher32(properties)
        case .virtual: H5Pset_virtual(properties, space, other, "/tokens", space)
        default: break
        }
        let dataset = H5Dcreate2(
            file, "tokens", chdf5_native_int32(), space, chdf5_default(), properties, chdf5_default())
        return H5Dclose(dataset)
    }

    @Test("a pipe is refused at once, and not waited for", .timeLimit(.minutes(1)))
    func pipe() throws {
        let path = folder.file("pipe.h5")
        try #require(mkfifo(path, 0o600) == 0)
        let failure = try failure { () throws(Failure) in try DatasetFile(path: path) }
        #expect(failure.exitCode == .damagedData && failure.reason.contains("regular file"))
    }
}
