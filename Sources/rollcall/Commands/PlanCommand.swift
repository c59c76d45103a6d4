import ArgumentParser
import Control
import TerminalText

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what a sync would send; sends nothing.")

    @Argument(help: "A cohort or sync.")
    var name: String
    @Option(help: "How many members to show.")
    var sample = 10
    @Flag(help: "Plan the whole truth again, false included.")
    var full = false
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        guard sample >= 0 else { throw Failure.usage("--sample needs a number of members, 0 or more") }
        try await Asking.work { session in
            var query = PlanQuery(syncs: try await session.syncs(named: [name]))
            query.sample = min(sample, 10_000)
            query.full = full
            let code = try await PlanListing.show(query, session, json: listing.json, plain: listing.plain)
            if code != 0 { throw ExitCode(code) }
        }
    }
}

enum PlanListing {
    /// Plans one sync after another; one that cannot be planned hides none of the others.
    /// - Returns: the exit code.
    static func show(_ query: PlanQuery, _ session: Session, json: Bool, plain: Bool) async throws -> Int32 {
        var codes: [Int] = []
        for sync in query.syncs {
            var own = query
            own.syncs = [sync]
            do throws(Refusal) {
                show(try await session.control.plan(own), json: json, plain: plain)
            } catch {
                // Of a single one the refusal is the command's, and another process may be asked.
                guard query.syncs.count > 1, error.code != 75 else { throw error }
                Output.complain(error.message)
                codes.append(error.code)
            }
        }
        return Int32(codes.contains(1) ? 1 : codes.max() ?? 0)
    }

    private static func show(_ plans: [PlanView], json: Bool, plain: Bool) {
        for plan in plans {
            if json {
                Output.json(plan)
            } else if plain {
                Output.line([
                    plan.sync, plan.plan, String(plan.entered), String(plan.left), String(plan.unchanged),
                    plan.held_by.isEmpty ? "-" : PrintableText.of(plan.held_by.joined(separator: "; ")),
                ].joined(separator: "\t"))
            } else {
                show(plan)
            }
        }
    }

    private static func show(_ plan: PlanView) {
        Output.line("\(plan.sync)  \(PrintableText.of(plan.trait))")
        let usual = plan.usual_entered.map { entered in
            "   usually +\(Words.count(Int(entered.rounded()))), −\(Words.count(Int((plan.usual_left ?? 0).rounded())))"
        } ?? ""
        Output.line("  entered \(Words.count(plan.entered)), left \(Words.count(plan.left)), "
            + "unchanged \(Words.count(plan.unchanged))" + usual)
        if plan.reasserted + plan.withheld + plan.ignored + plan.dismissed > 0 {
            Output.line("  reasserted \(Words.count(plan.reasserted)), withheld \(Words.count(plan.withheld)), "
                + "ignored \(Words.count(plan.ignored)), dismissed \(Words.count(plan.dismissed))")
        }
        Output.line("  read \(Words.count(plan.read)) rows: \(Words.count(plan.members)) members, "
            + "\(Words.count(plan.duplicates)) duplicates, \(Words.count(plan.invalid)) invalid "
            + "(\(Words.count(plan.unreadable)) unreadable); ledger \(Words.count(plan.ledger))")
        Output.line("  about \(Words.count(plan.requests)) requests, \(Words.bytes(plan.bytes)), "
            + "\(Words.seconds(plan.seconds))")
        if let quota = plan.quota { Output.line("  " + Words.month(of: quota)) }
        for hold in plan.held_by { Output.line("  would be held: \(PrintableText.of(hold))") }
        for note in plan.notes { Output.line("  note: \(PrintableText.of(note, limit: 500))") }
        Output.line("  plan \(plan.plan)")
        for change in plan.sample {
            Output.line("  \(change.event == "entered" ? "+" : "−") \(PrintableText.of(change.user))")
        }
    }
}

/// Carries a command's question to the workspace and its refusal back as an exit code.
enum Asking {
    /// For commands that only look.
    static func look(_ body: (Session) async throws -> Void) async throws {
        let session = try await Session.looking()
        do {
            try await body(session)
        } catch let refusal as Refusal {
            throw Failure(Int32(refusal.code), refusal.message)
        }
    }

    /// For commands that change something or need the workspace to themselves.
    static func work(_ body: (Session) async throws -> Void) async throws {
        try await Insisting.on(.command, body)
    }
}
