#define _GNU_SOURCE
#include "CProcess.h"

#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

// SIGQUIT comes from outside and ends the process as a crash does.
static const struct { int number; const char *name; } crashes[] = {
    {SIGILL, "SIGILL"}, {SIGTRAP, "SIGTRAP"}, {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},
    {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"}, {SIGQUIT, "SIGQUIT"},
};
enum { CRASHES = sizeof crashes / sizeof crashes[0], FRAMES = 64 };
static struct sigaction reporters[CRASHES];

// A fault happens again when the handler returns, and then it ends the process. What was sent does not.
static void end_by(int signal, const siginfo_t *info) {
    const struct sigaction ordinary = {.sa_handler = SIG_DFL};
    sigaction(signal, &ordinary, NULL);
    if (info->si_code <= 0) raise(signal);
}

static void say(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

// Only async-signal-safe calls: `backtrace` has loaded what it needs by its first call, long before.
static void report(int signal, siginfo_t *info, void *context) {
    (void)context;
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    say("rollcall: crashed by ");
    for (size_t i = 0; i < CRASHES; i++) if (crashes[i].number == signal) say(crashes[i].name);
    say("; what was under way is taken up by the next start. Where it was:\n");
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    end_by(signal, info);
}

// Async-signal-safe: prctl is a system call and nothing else.
static void open_for_reporter(int signal, siginfo_t *info, void *context) {
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    for (size_t i = 0; i < CRASHES; i++) {
        if (crashes[i].number != signal) continue;
        reporters[i].sa_sigaction(signal, info, context);
        break;
    }
    // The reporter alone would leave a process behind that has given up its terminal.
    end_by(signal, info);
}

static void adopt_reporters(void) {
    struct sigaction action = {.sa_sigaction = open_for_reporter};
    for (size_t i = 0; i < CRASHES; i++) {
        if (sigaction(crashes[i].number, NULL, &reporters[i]) != 0) continue;
        if (!(reporters[i].sa_flags & SA_SIGINFO) || reporters[i].sa_sigaction == open_for_reporter) continue;
        action.sa_flags = reporters[i].sa_flags;
        action.sa_mask = reporters[i].sa_mask;
        sigaction(crashes[i].number, &action, NULL);
    }
}

static void report_ourselves(void) {
    void *frames[1];
    backtrace(frames, 1);
    struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (size_t i = 0; i < CRASHES; i++) {
        struct sigaction now;
        int is_ignored = sigaction(crashes[i].number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
        if (!is_ignored) sigaction(crashes[i].number, &action, NULL);
    }
}

void cprocess_seal(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const char *setting = getenv("SWIFT_BACKTRACE");
    if (setting && *setting) adopt_reporters();
    else report_ourselves();
}

int cprocess_is_sealed(void) {
    struct rlimit limit;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0;
}
