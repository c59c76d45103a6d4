#define _GNU_SOURCE

#include "cncurses.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int watched[] = {SIGWINCH, SIGCONT, SIGTSTP};
enum { WATCHED = sizeof watched / sizeof watched[0], STOP = 2 };

static struct sigaction earlier[WATCHED];
static atomic_int event_fd = -1;
static atomic_uint noted;
static int stops_ignored;

static void note(int signal) {
    int reason = errno;
    unsigned bit = signal == SIGWINCH ? CNC_RESIZED : signal == SIGCONT ? CNC_CONTINUED : CNC_STOP_ASKED;
    atomic_fetch_or(&noted, bit);
    int event = atomic_load(&event_fd);
    uint64_t one = 1;
    if (event >= 0 && write(event, &one, sizeof one) < 0) {
        // The counter is full, so the owner is about to wake up anyway.
    }
    errno = reason;
}

static void set_handler(int signal, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

void cnc_watch_signals(int event) {
    atomic_store(&noted, 0);
    atomic_store(&event_fd, event);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTTOU);
    for (int i = 0; i < WATCHED; i++) {
        sigaction(watched[i], NULL, &earlier[i]);
        sigaddset(&wanted, watched[i]);
    }
    stops_ignored = !(earlier[STOP].sa_flags & SA_SIGINFO) && earlier[STOP].sa_handler == SIG_IGN;
    set_handler(SIGWINCH, note);
    set_handler(SIGCONT, note);
    cnc_notice_stops();
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

void cnc_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void cnc_unwatch_signals(void) {
    for (int i = 0; i < WATCHED; i++) sigaction(watched[i], &earlier[i], NULL);
    atomic_store(&event_fd, -1);
}

unsigned cnc_take_signals(void) { return atomic_exchange(&noted, 0); }

int cnc_stop_group(void) {
    if (stops_ignored) return 0;
    atomic_fetch_and(&noted, ~(unsigned)(CNC_CONTINUED | CNC_STOP_ASKED));
    cnc_default_stops();
    // A parent such as sudo waits in the same group; stopping only ourselves would leave it, and the shell, hanging.
    kill(0, SIGTSTP);
    return 1;
}

void cnc_default_stops(void) {
    if (!stops_ignored) set_handler(SIGTSTP, SIG_DFL);
}

void cnc_notice_stops(void) {
    if (!stops_ignored) set_handler(SIGTSTP, note);
}
