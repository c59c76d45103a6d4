import Foundation
import Fuzzing

// fuzz TARGET [--runs N] [--seed S]        mutates the seeds, knowing nothing of the reader
// fuzz TARGET [libFuzzer's options]        when built by Resources/scripts/fuzz, with -sanitize=fuzzer -DLIBFUZZER
// fuzz TARGET --write-seeds FOLDER         writes the seeds, for libFuzzer to start from

let arguments = CommandLine.arguments
guard arguments.count > 1, let target = FuzzTarget(rawValue: arguments[1]) else {
    print("usage: fuzz \(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) [--runs N] [--seed S]")
    exit(64)
}

if arguments.count == 4, arguments[2] == "--write-seeds" {
    try FileManager.default.createDirectory(atPath: arguments[3], withIntermediateDirectories: true)
    for (index, seed) in target.seeds.enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: "\(arguments[3])/seed-\(index)"))
    }
    exit(0)
}

#if LIBFUZZER
    @_silgen_name("LLVMFuzzerRunDriver")
    func runDriver(
        _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
        _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

    /// What the reader takes counts, so that the optimiser cannot drop the reading.
    nonisolated(unsafe) var taken = 0
    let chosen = target

    var own: [UnsafeMutablePointer<CChar>?] = ([arguments[0]] + arguments.dropFirst(2)).map { strdup($0) } + [nil]
    var count = Int32(own.count - 1)
    let status = own.withUnsafeMutableBufferPointer { buffer -> Int32 in
        var start = buffer.baseAddress
        return runDriver(&count, &start) { bytes, count in
            if chosen.read(Array(UnsafeBufferPointer(start: bytes, count: count))) { taken += 1 }
            return 0
        }
    }
    exit(status)
#else
    func option(_ name: String, _ standard: UInt64) -> UInt64 {
        arguments.firstIndex(of: name).flatMap { arguments.indices.contains($0 + 1) ? UInt64(arguments[$0 + 1]) : nil }
            ?? standard
    }

    let runs = option("--runs", 500_000)
    let seed = option("--seed", 20_261_128)
    var mutator = Mutator(target, seed: seed)
    var taken = 0
    let began = Date()
    for _ in 0..<runs where target.read(mutator.next()) { taken += 1 }
    print("\(target.rawValue): \(runs) executions, \(taken) taken, seed \(seed), "
        + String(format: "%.1f s", Date().timeIntervalSince(began)))
#endif
