#define _GNU_SOURCE
#include "CProcess.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const int crashes[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT};
enum { CRASHES = sizeof crashes / sizeof crashes[0] };
static struct sigaction reporters[CRASHES];

// Async-signal-safe: prctl is a system call and nothing else.
static void open_for_reporter(int signal, siginfo_t *info, void *context) {
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    for (size_t i = 0; i < CRASHES; i++) {
        if (crashes[i] != signal) continue;
        reporters[i].sa_sigaction(signal, info, context);
        break;
    }
    // A fault happens again when this returns, and then it ends the process. What was sent does not, and the reporter alone
    // would leave a process behind that has given up its terminal.
    const struct sigaction ordinary = {.sa_handler = SIG_DFL};
    sigaction(signal, &ordinary, NULL);
    if (info->si_code <= 0) raise(signal);
}

void cprocess_seal(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    struct sigaction action = {.sa_sigaction = open_for_reporter};
    for (size_t i = 0; i < CRASHES; i++) {
        if (sigaction(crashes[i], NULL, &reporters[i]) != 0) continue;
        if (!(reporters[i].sa_flags & SA_SIGINFO) || reporters[i].sa_sigaction == open_for_reporter) continue;
        action.sa_flags = reporters[i].sa_flags;
        action.sa_mask = reporters[i].sa_mask;
        sigaction(crashes[i], &action, NULL);
    }
}

int cprocess_is_sealed(void) {
    struct rlimit limit;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0;
}
