import ArgumentParser

/// How a listing is printed.
struct ListingOptions: ParsableArguments {
    @Flag(help: "One JSON object a line.")
    var json = false
    @Flag(help: "No headers, cells separated by tabs.")
    var plain = false
}

/// What every command that acts on runs takes.
struct ActingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Goes to the audit log.", valueName: "text"))
    var reason: String?
    @Flag(help: "One JSON object a line.")
    var json = false
}
