// swift-tools-version: 6.2
import PackageDescription

/// Vector code for the hot rooms, optimised in debug builds too: kernels at `-Onone` are 50 to 100 times slower.
let vectorised: [SwiftSetting] = [.unsafeFlags(["-O", "-Xcc", "-mavx2", "-Xcc", "-mfma"])]

let package = Package(
    name: "tandem",
    products: [
        .executable(name: "tandem", targets: ["tandem"]),
        .library(name: "Tandem", targets: ["Objectives", "Training"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C libraries: module maps, and macros exposed as functions.
        .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CThreads"),

        // Rooms, from the ground up. An arrow never points up.
        .target(name: "Settings", dependencies: [.product(name: "Yams", package: "Yams")]),
        .target(name: "Files", dependencies: ["Settings"]),
        .target(name: "JSON", dependencies: ["Settings"]),
        .target(name: "Hashing", dependencies: ["Settings", "CCrypto"]),
        .target(name: "Tensors", dependencies: ["Settings", "Hashing"], swiftSettings: vectorised),
        .target(name: "Kernels", dependencies: ["Tensors", "COpenBLAS", "CThreads"], swiftSettings: vectorised),
        .target(
            name: "Collectives",
            dependencies: ["Tensors", "CMPI", "CThreads", .product(name: "BasicContainers", package: "swift-collections")]),
        .target(name: "Weights", dependencies: ["Files", "JSON", "Tensors", "Settings", "Hashing"], swiftSettings: vectorised),
        .target(name: "Model", dependencies: ["Kernels", "Collectives"]),
        .target(name: "HDF5", dependencies: ["CHDF5"]),
        .target(name: "Tokenization", dependencies: ["Files", "JSON", "Settings", "Hashing", "CPCRE2"]),
        .target(name: "Datasets", dependencies: ["Files", "JSON", "Settings", "Hashing", "Tensors", "Tokenization", "HDF5"]),
        .target(name: "Checkpoints", dependencies: ["Files", "Settings", "Hashing", "Tensors", "Collectives", "HDF5", "CThreads"]),
        .target(name: "Objectives", dependencies: ["Settings", "Tensors", "Kernels"]),
        .target(
            name: "Training",
            dependencies: ["Files", "Model", "Weights", "Datasets", "Tokenization", "Objectives", "Checkpoints", "Hashing"]),
        .target(name: "Planning", dependencies: ["Files", "Training", "COpenBLAS"], swiftSettings: vectorised),
        .target(name: "Reporting", dependencies: ["Training", "Planning"]),
        .executableTarget(
            name: "tandem",
            dependencies: [
                "Files", "Reporting", "Planning", "Training", "Checkpoints", "Tokenization",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // `./launch/benchmark`: the ceiling, kernels and whole steps.
        .target(
            name: "Benchmarks", dependencies: ["Reporting", "Planning", "Training"], path: "benchmarks/Sources/Benchmarks",
            swiftSettings: vectorised),
        .executableTarget(
            name: "tandem-benchmark",
            dependencies: [
                "Benchmarks", "Files", "Reporting", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "benchmarks/Sources/tandem-benchmark"),

        // How a loss of one's own is written, outside Tandem.
        .target(name: "RewardWithPenalty", dependencies: ["Objectives"], path: "Examples/RewardWithPenalty"),

        // Tests. `layout-probe` and `hang-probe` are what tests start under mpirun.
        .target(
            name: "TestSupport", dependencies: ["Weights", "Datasets", "Training"], path: "Tests/TestSupport"),
        .executableTarget(name: "layout-probe", dependencies: ["Training"], path: "Tests/LayoutProbe"),
        .executableTarget(name: "hang-probe", dependencies: ["Training"], path: "Tests/HangProbe"),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"]),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "HashingTests", dependencies: ["Hashing"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels"], swiftSettings: vectorised),
        .testTarget(name: "WeightsTests", dependencies: ["JSON", "Weights", "TestSupport"]),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization", "Hashing"]),
        .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "HDF5", "CHDF5"]),
        .testTarget(name: "InputDamageTests", dependencies: ["Weights", "Datasets", "TestSupport"]),
        .testTarget(name: "ModelTests", dependencies: ["Model", "Weights", "TestSupport"]),
        .testTarget(name: "ObjectivesTests", dependencies: ["Objectives"]),
        .testTarget(name: "CollectivesTests", dependencies: ["Collectives", "TestSupport", "hang-probe"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport"]),
        .testTarget(name: "TrainingTests", dependencies: ["Training", "TestSupport"]),
        .testTarget(name: "PlanningTests", dependencies: ["Planning", "TestSupport"]),
        .testTarget(name: "ExampleTests", dependencies: ["RewardWithPenalty", "Training", "TestSupport"]),
        .testTarget(name: "LayoutTests", dependencies: ["TestSupport", "HDF5", "layout-probe"]),
        .testTarget(name: "BenchmarkTests", dependencies: ["Benchmarks", "TestSupport", "tandem-benchmark"]),
        .testTarget(name: "CommandTests", dependencies: ["TestSupport", "tandem"]),
    ]
)

// `./launch/fuzz`: the readers under libFuzzer, which brings the program's beginning along, so that it links in no other build.
if Context.environment["TANDEM_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "tandem-fuzz", dependencies: ["Settings", "Weights", "Tokenization", "Datasets", "Checkpoints", "Hashing"],
            path: "fuzz/Sources", swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
