import ArgumentParser

/// How a listing is printed.
struct ListingOptions: ParsableArguments {
    @Flag(help: "One JSON object a line.")
    var json = false
    @Flag(help: "No headers, cells separated by tabs.")
    var plain = false
}
