import ArgumentParser
import Dashboard

/// The man page, made from the tables that the program itself goes by: its commands with their options, and its keys.
enum Manual {
    /// mdoc(7).
    static var page: String {
        var lines = [
            ".\\\" Made by `rollcall manual`; a test keeps it that way.", ".Dd November 28, 2026", ".Dt ROLLCALL 1", ".Os",
            ".Sh NAME", ".Nm rollcall", ".Nd " + escaped(Rollcall.configuration.abstract), ".Sh SYNOPSIS", ".Nm",
            ".Op Fl -workspace Ar DIR", ".Op Ar command", ".Op Ar arguments", ".Sh DESCRIPTION",
            "Without a command",
            ".Nm",
            "opens the dashboard. A workspace is a folder with a",
            ".Pa rollcall.yaml :",
            "the one named by",
            ".Fl -workspace ,",
            "else by",
            ".Ev ROLLCALL_WORKSPACE ,",
            "else",
            ".Pa ~/.config/rollcall .",
            ".Sh COMMANDS", ".Bl -tag -width Ds",
        ]
        for command in Rollcall.configuration.subcommands where command.configuration.shouldDisplay {
            lines.append(".It Ic " + escaped(command._commandName))
            lines.append(escaped(command.configuration.abstract))
            if !command.configuration.discussion.isEmpty { lines.append(escaped(command.configuration.discussion)) }
        }
        lines += [".El", "Every command says more with", ".Fl -help .", ".Sh KEYS OF THE DASHBOARD"]
        lines.append(String(KeyTable.manual.dropLast()))
        lines += [".Sh EXIT STATUS", ".Bl -tag -width Ds"]
        for (code, meaning) in ExitCodes.table { lines += [".It " + code, escaped(meaning)] }
        lines += [
            ".El", ".Sh FILES", ".Bl -tag -width Ds", ".It Pa rollcall.yaml", "What is configured.",
            ".It Pa dashboard.yaml", "Keys, theme, mouse and columns of the dashboard.", ".It Pa .rollcall/",
            "The state of a workspace, for its owner alone.", ".El",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        text.split(separator: "\n").map { line in
            let safe = line.map { $0 == "\\" ? "\\e" : String($0) }.joined()
            return safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" + safe : safe
        }.joined(separator: "\n")
    }
}

/// The exit codes of PRODUCT.md §3.
enum ExitCodes {
    static let table: [(code: String, meaning: String)] = [
        ("0", "Succeeded or unchanged; serve was stopped by SIGTERM or SIGINT."),
        ("1", "Failed, cancelled, discarded, or refused because everything is frozen."),
        ("2", "Partial: some members were rejected, or leaves withheld."),
        ("3", "Held, waiting for approval."),
        ("64", "Wrong usage, or an unknown name or run."),
        ("69", "The terminal cannot show a dashboard."),
        ("75", "Another engine holds this workspace."),
        ("78", "A configuration error, or a secret that cannot be had."),
        ("130, 143", "Stopped by SIGINT or SIGTERM, cleanly."),
    ]
}

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Prints the man page.", shouldDisplay: false)

    func run() { Manual.page.split(separator: "\n", omittingEmptySubsequences: false).dropLast().forEach { Output.line(String($0)) } }
}
