import Glibc

/// How the Swift runtime reports a crash. It reads its setting when the process starts, so a process that may show a
/// dashboard begins anew with the right one: by default the runtime takes the terminal over and waits for a key, and prints
/// memory, which may hold keys.
enum CrashReports {
    private static let variable = "SWIFT_BACKTRACE"
    private static let setting = "enable=yes,interactive=no,color=no,registers=none,sanitize=yes"

    /// Starts this program again unless the setting is there, or no terminal is in play.
    static func adopt() {
        guard isatty(STDOUT_FILENO) == 1, getenv(variable) == nil else { return }
        setenv(variable, setting, 0)
        // Returns only when it fails; then the crash report is as it is by default.
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }
}
