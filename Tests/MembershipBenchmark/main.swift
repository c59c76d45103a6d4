// Times a sync's work on sets against `comm` on presorted files: read unsorted ids, make the snapshot, plan against the
// ledger, write the new ledger, everything durable.
//
//     MembershipBenchmark FOLDER [MEMBERS] [CHANGED_PERCENT] [ROUNDS] [MEMORY_MIB]
//
// FOLDER should lie in memory (tmpfs): a file left idle drops out of the page cache. Both sides run in turn, so that what else the
// machine does hits both.
import Glibc

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
    print("usage: MembershipBenchmark FOLDER [MEMBERS] [CHANGED_PERCENT] [ROUNDS] [MEMORY_MIB]")
    exit(64)
}

func number(_ position: Int, or standard: Int) -> Int {
    arguments.count > position ? Int(arguments[position]) ?? standard : standard
}

let scenario = Scenario(
    folder: arguments[1], members: number(2, or: 1_000_000), changedPercent: number(3, or: 1),
    rounds: number(4, or: 5), memoryLimit: number(5, or: 256) << 20)

do {
    try scenario.run()
} catch {
    print("failed: \(error)")
    exit(1)
}
