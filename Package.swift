// swift-tools-version:6.2
import PackageDescription

/// Every target: Swift 6, `any` spelled out, warnings are errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "rollcall",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", exact: "0.27.1"),
    ],
    targets: [
        // C shims around Debian's libraries.
        .target(name: "CCrypto", linkerSettings: [.linkedLibrary("crypto")]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .systemLibrary(name: "CPostgres"),
        .systemLibrary(name: "CZlib"),
        // Core: pure.
        .target(name: "Scheduling", swiftSettings: strict),
        .target(name: "Membership", dependencies: ["CCrypto", "Scheduling"], swiftSettings: strict),
        .target(name: "SyncEngine", dependencies: ["CCrypto", "Membership", "Scheduling"], swiftSettings: strict),
        .target(
            name: "SQLiteStore",
            dependencies: ["Scheduling", "SyncEngine", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(name: "HTTPClient", dependencies: ["CCurl", "SyncEngine", "Scheduling", "Secrets"], swiftSettings: strict),
        .target(name: "Secrets", swiftSettings: strict),
        .target(name: "Control", dependencies: ["HTTPClient"], swiftSettings: strict),
        .target(
            name: "ControlServer",
            dependencies: [
                "Control", "Membership", "Scheduling", "SyncEngine",
                .product(name: "FlyingFox", package: "FlyingFox"), .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: strict),
    ]
)
