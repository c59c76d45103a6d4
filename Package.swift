// swift-tools-version:6.2
import PackageDescription

/// Every target: Swift 6, `any` spelled out, warnings are errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// The Swift libraries within the program: it starts in half the time and needs no Swift on the machine where it runs. The
/// compiler names only those that our modules import; theirs are named here.
let staticSwift = [
    "-static-stdlib", "-l_CFURLSessionInterface", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims",
    "-l_FoundationCollections", "-Xlinker", "--no-export-dynamic",
]

let package = Package(
    name: "rollcall",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", exact: "0.27.1"),
    ],
    targets: [
        // C shims around Debian's libraries.
        .target(name: "CCrypto", dependencies: ["CLateLibrary"]),
        .target(name: "CFiles"),
        .target(name: "CPageSums", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CProcess"),
        .target(name: "CLateLibrary"),
        .target(name: "CCurl", dependencies: ["CLateLibrary"]),
        .target(name: "CPostgres", dependencies: ["CLateLibrary"]),
        .systemLibrary(name: "CZlib"),

        // Core: pure, or files only.
        .target(name: "Scheduling", swiftSettings: strict),
        .target(name: "Membership", dependencies: ["CCrypto", "Scheduling"], swiftSettings: strict),
        .target(name: "TerminalText", swiftSettings: strict),
        .target(name: "Secrets", swiftSettings: strict),
        .target(name: "WarehouseNames", swiftSettings: strict),

        // Engine: decisions, ports, one loop.
        .target(name: "SyncEngine", dependencies: ["CCrypto", "Membership", "Scheduling"], swiftSettings: strict),

        // Adapters: they never import each other.
        .target(name: "HTTPClient", dependencies: ["CCurl"], swiftSettings: strict),
        .target(
            name: "PostgresClient", dependencies: ["CPostgres", "Secrets", "SyncEngine", "TerminalText"],
            swiftSettings: strict),
        .target(
            name: "SourceConnectors",
            dependencies: [
                "CCrypto", "CZlib", "HTTPClient", "PostgresClient", "Scheduling", "Secrets", "SyncEngine",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "DestinationConnectors",
            dependencies: [
                "CCrypto", "CZlib", "HTTPClient", "PostgresClient", "Scheduling", "Secrets", "SyncEngine",
                "WarehouseNames", .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(name: "MailClient", dependencies: ["CCurl", "Secrets"], swiftSettings: strict),
        .target(
            name: "AlertChannels",
            dependencies: ["CCrypto", "HTTPClient", "MailClient", "Scheduling", "Secrets", "SyncEngine"],
            swiftSettings: strict),
        .target(
            name: "SQLiteStore",
            dependencies: ["CPageSums", "Scheduling", "SyncEngine", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "Configuration",
            dependencies: ["CCrypto", "CFiles", "Scheduling", "Secrets", "SyncEngine", "WarehouseNames", "Yams"],
            swiftSettings: strict),
        .target(
            name: "Receiver",
            dependencies: [
                "CZlib", "WarehouseNames", .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"), .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),

        .target(
            name: "AmplitudeStandIn",
            dependencies: [
                "CZlib", .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: strict),

        // Boundary: wire types, their client and their server.
        .target(name: "Control", dependencies: ["HTTPClient"], swiftSettings: strict),
        .target(
            name: "ControlServer",
            dependencies: ["Control", "Membership", "Scheduling", "SyncEngine"], swiftSettings: strict),

        // The dashboard: pure core, and the one owner of the terminal.
        .target(name: "CNcurses", linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),
        .target(name: "Dashboard", dependencies: ["Control", "Scheduling", "TerminalText"], swiftSettings: strict),
        .target(name: "DashboardTerminal", dependencies: ["CNcurses", "Dashboard"], swiftSettings: strict),

        .executableTarget(
            name: "rollcall",
            dependencies: [
                "AlertChannels", "AmplitudeStandIn", "CProcess", "Configuration", "Control", "ControlServer", "Dashboard",
                "DashboardTerminal", "DestinationConnectors", "HTTPClient", "MailClient", "Membership", "Receiver", "SQLiteStore",
                "Scheduling", "Secrets", "SourceConnectors",
                "SyncEngine", "TerminalText",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict,
            // A program that starts in half the time and needs no Swift on the machine where it runs.
            linkerSettings: [.unsafeFlags(staticSwift, .when(configuration: .release))]),

        // Tests.
        .testTarget(name: "SchedulingTests", dependencies: ["Scheduling"], swiftSettings: strict),
        .testTarget(name: "MembershipTests", dependencies: ["Membership", "Scheduling"], swiftSettings: strict),
        .testTarget(name: "SecretsTests", dependencies: ["Secrets"], swiftSettings: strict),
        .testTarget(
            name: "ConfigurationTests", dependencies: ["Configuration", "Scheduling", "Secrets", "SyncEngine"],
            swiftSettings: strict),
        .testTarget(
            name: "SourceConnectorsTests",
            dependencies: [
                "AmplitudeStandIn", "CZlib", "HTTPClient", "SQLiteStore", "Scheduling", "Secrets", "SourceConnectors",
                "SyncEngine",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "http-probe", dependencies: ["HTTPClient"], path: "Tests/HTTPProbe", swiftSettings: strict),
        .testTarget(
            name: "HTTPClientTests", dependencies: ["CCurl", "HTTPClient", "http-probe"], swiftSettings: strict),
        .testTarget(
            name: "DestinationConnectorsTests",
            dependencies: [
                "CZlib", "DestinationConnectors", "HTTPClient", "Scheduling", "Secrets", "SyncEngine", "WarehouseNames",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AlertChannelsTests",
            dependencies: ["AlertChannels", "HTTPClient", "MailClient", "Scheduling", "Secrets", "SyncEngine"],
            swiftSettings: strict),
        .testTarget(
            name: "ReceiverTests",
            dependencies: [
                "CZlib", "Receiver", "WarehouseNames", .product(name: "FlyingSocks", package: "FlyingFox"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SyncEngineTests",
            dependencies: [
                "Membership", "SQLiteStore", "Scheduling", "SyncEngine", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "Scheduling", "SQLiteStore", "SyncEngine", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(name: "ControlTests", dependencies: ["Control"], swiftSettings: strict),
        .testTarget(name: "ControlServerTests", dependencies: ["Control", "ControlServer"], swiftSettings: strict),
        .testTarget(name: "TerminalTextTests", dependencies: ["TerminalText"], swiftSettings: strict),
        .testTarget(
            name: "DashboardTests", dependencies: ["Control", "Dashboard", "Scheduling", "TerminalText"], exclude: ["Goldens"],
            swiftSettings: strict),
        .executableTarget(
            name: "terminal-probe", dependencies: ["Dashboard", "DashboardTerminal"], path: "Tests/TerminalProbe",
            swiftSettings: strict),
        .target(name: "TerminalHarness", path: "Tests/TerminalHarness", swiftSettings: strict),
        .testTarget(
            name: "DashboardTerminalTests",
            dependencies: ["CNcurses", "Dashboard", "DashboardTerminal", "TerminalHarness", "terminal-probe"],
            swiftSettings: strict),
        .testTarget(name: "HouseRulesTests", swiftSettings: strict),
        .testTarget(
            name: "AcceptanceTests",
            dependencies: [
                "AmplitudeStandIn", "Configuration", "HTTPClient", "SQLiteStore", "Scheduling", "SyncEngine",
                "TerminalHarness", "rollcall",
            ],
            swiftSettings: strict),
        .target(
            name: "Simulation", dependencies: ["Membership", "Scheduling", "SyncEngine"], path: "Tests/Simulation",
            swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/SimulateCommand", swiftSettings: strict),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation", "Scheduling"], swiftSettings: strict),
        .target(
            name: "Fuzzing",
            dependencies: [
                "CCrypto", "Configuration", "Control", "DestinationConnectors", "HTTPClient", "Membership", "Scheduling",
                "SourceConnectors", "SyncEngine",
            ],
            path: "Tests/Fuzzing", swiftSettings: strict),
        .executableTarget(name: "fuzz", dependencies: ["Fuzzing"], path: "Tests/FuzzCommand", swiftSettings: strict),
        .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing"], swiftSettings: strict),
        .executableTarget(
            name: "membership-benchmark", dependencies: ["Membership", "Scheduling"],
            path: "Tests/MembershipBenchmark", swiftSettings: strict),
    ]
)
