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
        .target(name: "JSON", dependencies: ["Settings"]),
        .target(name: "Hashing", dependencies: ["CCrypto", "Settings"]),
        .target(name: "Files", dependencies: ["Settings", "JSON", "Hashing"]),
        .target(name: "Tensors", dependencies: ["Settings", "Hashing"], swiftSettings: vectorised),
        .target(name: "Kernels", dependencies: ["COpenBLAS", "CThreads", "Settings", "Tensors"], swiftSettings: vectorised),
        .target(name: "Diagnosis", dependencies: ["CThreads", "Settings"]),
        .target(name: "Collectives", dependencies: ["CMPI", "Settings", "JSON", "Tensors", "Diagnosis"]),
        .target(name: "Weights", dependencies: ["Settings", "JSON", "Hashing", "Files", "Tensors"], swiftSettings: vectorised),
        .target(name: "Model", dependencies: ["Settings", "Tensors", "Kernels", "Collectives"]),
        .target(name: "HDF5", dependencies: ["CHDF5", "Settings"]),
        .target(name: "Tokenization", dependencies: ["CPCRE2", "Settings", "JSON", "Hashing", "Files"]),
        .target(name: "Datasets", dependencies: ["Settings", "JSON", "Hashing", "Files", "Tensors", "HDF5", "Tokenization"]),
        .target(
            name: "Checkpoints",
            dependencies: ["CThreads", "Settings", "JSON", "Hashing", "Files", "Tensors", "Diagnosis", "Collectives", "HDF5"]),
        .target(name: "Objectives", dependencies: ["Settings", "Tensors", "Kernels"]),
        .target(name: "Costs", dependencies: ["Settings", "JSON", "Tensors", "Kernels", "Weights", "Model", "Datasets"]),
        .target(
            name: "References",
            dependencies: [
                "Settings", "Tensors", "Kernels", "Collectives", "Model", "Datasets", "Checkpoints",
                .product(name: "BasicContainers", package: "swift-collections"),
            ]),
        .target(
            name: "Stepping",
            dependencies: [
                "Settings", "JSON", "Tensors", "Kernels", "Diagnosis", "Collectives", "Model", "Datasets", "Checkpoints",
                "Objectives", "References", .product(name: "BasicContainers", package: "swift-collections"),
            ]),
        .target(
            name: "Runs",
            dependencies: [
                "Settings", "JSON", "Hashing", "Files", "Tensors", "Kernels", "Collectives", "Weights", "Model", "Tokenization",
                "Datasets", "Checkpoints", "Objectives", "Costs", "References", "Stepping",
            ]),
        .target(
            name: "Inference",
            dependencies: [
                "Settings", "JSON", "Files", "Tensors", "Kernels", "Diagnosis", "Collectives", "Model", "Datasets", "Objectives",
                "References", "Stepping", "Runs",
            ]),
        .target(
            name: "Training",
            dependencies: [
                "Settings", "Hashing", "Files", "Tensors", "Kernels", "Diagnosis", "Collectives", "Weights", "Model", "HDF5",
                "Datasets", "Checkpoints", "Objectives", "References", "Stepping", "Runs", "Inference",
            ]),
        .target(
            name: "Planning",
            dependencies: [
                "COpenBLAS", "Settings", "JSON", "Files", "Tensors", "Kernels", "Collectives", "Weights", "Model", "Datasets",
                "Checkpoints", "Costs", "Stepping", "Runs",
            ],
            swiftSettings: vectorised),
        .target(
            name: "Reporting",
            dependencies: ["Settings", "JSON", "Files", "Collectives", "Checkpoints", "Costs", "Stepping", "Runs", "Planning"]),
        .executableTarget(
            name: "tandem",
            dependencies: [
                "Settings", "Hashing", "Files", "Tensors", "Kernels", "Diagnosis", "Collectives", "Weights", "Model", "HDF5",
                "Tokenization", "Datasets", "Checkpoints", "Costs", "Stepping", "Runs", "Inference", "Training", "Planning",
                "Reporting", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // `./launch/benchmark`: the ceiling, kernels and whole steps.
        .target(
            name: "Benchmarks",
            dependencies: [
                "Settings", "JSON", "Files", "Tensors", "Kernels", "Collectives", "Weights", "Model", "Datasets", "Costs",
                "Stepping", "Runs", "Training", "Planning", "Reporting",
            ],
            path: "benchmarks/Sources/Benchmarks", swiftSettings: vectorised),
        .executableTarget(
            name: "tandem-benchmark",
            dependencies: [
                "Settings", "Files", "Collectives", "Runs", "Planning", "Reporting", "Benchmarks",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "benchmarks/Sources/tandem-benchmark"),

        // How a loss of one's own is written, outside Tandem.
        .target(
            name: "RewardWithPenalty",
            dependencies: ["Settings", "Tensors", "Kernels", "Objectives"],
            path: "Examples/RewardWithPenalty"),

        // Tests. `layout-probe` and `hang-probe` are what tests start under mpirun.
        .target(
            name: "TestSupport",
            dependencies: ["Settings", "Tensors", "Weights", "Model", "Datasets", "Costs"],
            path: "Tests/TestSupport"),
        .target(
            name: "TrainerProbing",
            dependencies: [
                "Settings", "Collectives", "Model", "Datasets", "Checkpoints", "References", "Stepping", "Runs", "Training",
            ],
            path: "Tests/TrainerProbing"),
        .executableTarget(
            name: "collectives-probe",
            dependencies: ["Settings", "Tensors", "Collectives"],
            path: "Tests/CollectivesProbe"),
        .executableTarget(
            name: "layout-probe",
            dependencies: ["Settings", "Tensors", "Kernels", "Collectives", "Runs", "Training", "TrainerProbing"],
            path: "Tests/LayoutProbe"),
        .executableTarget(
            name: "hang-probe",
            dependencies: [
                "Settings", "Tensors", "Kernels", "Diagnosis", "Collectives", "Objectives", "Stepping", "Runs", "Training",
            ],
            path: "Tests/HangProbe"),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"]),
        .testTarget(name: "FilesTests", dependencies: ["Settings", "Files", "TestSupport"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "HashingTests", dependencies: ["Settings", "Hashing"]),
        .testTarget(name: "TensorsTests", dependencies: ["Settings", "Tensors"]),
        .testTarget(name: "KernelsTests", dependencies: ["Settings", "Tensors", "Kernels"], swiftSettings: vectorised),
        .testTarget(name: "WeightsTests", dependencies: ["Settings", "JSON", "Files", "Tensors", "Weights", "TestSupport"]),
        .testTarget(name: "TokenizationTests", dependencies: ["Settings", "Hashing", "Tokenization"]),
        .testTarget(name: "HDF5Tests", dependencies: ["HDF5", "TestSupport"]),
        .testTarget(name: "DatasetsTests", dependencies: ["CHDF5", "Settings", "Tensors", "HDF5", "Tokenization", "Datasets"]),
        .testTarget(name: "InputDamageTests", dependencies: ["Settings", "Tensors", "Weights", "Datasets", "TestSupport"]),
        .testTarget(
            name: "ModelTests",
            dependencies: ["Settings", "Tensors", "Kernels", "Collectives", "Weights", "Model", "TestSupport"]),
        .testTarget(name: "ObjectivesTests", dependencies: ["Settings", "Tensors", "Kernels", "Objectives"]),
        .testTarget(name: "DiagnosisTests", dependencies: ["Settings", "Diagnosis", "hang-probe"]),
        .testTarget(
            name: "CollectivesTests",
            dependencies: ["Settings", "Collectives", "TestSupport", "hang-probe", "collectives-probe"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Settings", "Tensors", "Collectives", "Checkpoints", "TestSupport"]),
        .testTarget(name: "ReferencesTests", dependencies: ["References"]),
        .testTarget(
            name: "SteppingTests",
            dependencies: [
                "Settings", "JSON", "Tensors", "Kernels", "Collectives", "Weights", "Model", "Datasets", "Checkpoints",
                "Stepping", "TestSupport",
            ]),
        .testTarget(name: "RunsTests", dependencies: ["Settings", "Tensors", "Weights", "Model", "Runs", "TestSupport"]),
        .testTarget(name: "InferenceTests", dependencies: ["Tensors", "Runs", "Inference"]),
        .testTarget(name: "CostsTests", dependencies: ["Settings", "Tensors", "Weights", "Model", "Costs", "Runs", "TestSupport"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Settings", "Tensors", "Kernels", "Collectives", "Model", "Objectives", "References", "Stepping", "Runs",
                "Training", "TestSupport", "TrainerProbing",
            ]),
        .testTarget(
            name: "PlanningTests",
            dependencies: ["Settings", "Kernels", "Collectives", "Costs", "Planning", "TestSupport"]),
        .testTarget(
            name: "ReportingTests",
            dependencies: ["Settings", "JSON", "Files", "Stepping", "Runs", "Training", "Reporting", "TestSupport"]),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "Settings", "Kernels", "Collectives", "Objectives", "Stepping", "Runs", "Training", "RewardWithPenalty",
                "TestSupport", "TrainerProbing",
            ]),
        .testTarget(
            name: "LayoutTests",
            dependencies: ["Settings", "Tensors", "Weights", "Model", "HDF5", "TestSupport", "layout-probe"]),
        .testTarget(
            name: "FamilyTests",
            dependencies: [
                "Settings", "Tensors", "Kernels", "Collectives", "Weights", "Model", "Runs", "Training", "TestSupport",
                "TrainerProbing", "layout-probe", "tandem",
            ]),
        .testTarget(name: "BenchmarkTests", dependencies: ["Benchmarks", "TestSupport", "tandem-benchmark"]),
        .testTarget(name: "CommandTests", dependencies: ["Settings", "Tensors", "Weights", "Model", "TestSupport", "tandem"]),
    ]
)

// `./launch/fuzz`: the readers under libFuzzer, which brings the program's beginning along, so that it links in no other build.
if Context.environment["TANDEM_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "tandem-fuzz",
            dependencies: [
                "Settings", "JSON", "Hashing", "Tensors", "Weights", "Tokenization", "Datasets", "Checkpoints", "TestSupport",
            ],
            path: "fuzz/Sources", swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
