#define _GNU_SOURCE

#include "cncurses.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

// Everything that the handler touches is static and everything that it calls is async-signal-safe.

// SIGQUIT comes from outside and ends the process as a crash does.
static const int crashes[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT};
enum { CRASHES = sizeof crashes / sizeof crashes[0], UNDO_ROOM = 512, STACK = 1 << 16, KEPT = 1 << 13, PATIENCE = 20 };

static struct sigaction earlier[CRASHES];
static int watching;
static atomic_int armed;
static atomic_int crashing;
static int terminal_fd = -1;
static struct termios whole;
static uint8_t undo_bytes[UNDO_ROOM];
static size_t undo_count;
static int error_fd = -1;
static int pipe_fd = -1;
// The last KEPT bytes of standard error, written round and round.
static uint8_t kept[KEPT];
static atomic_size_t kept_total;

// Writes what a stalled terminal takes within 5 × PATIENCE milliseconds, never more.
static void write_patiently(int fd, const uint8_t *bytes, size_t count) {
    int waits = 5;
    while (count > 0) {
        ssize_t put = write(fd, bytes, count);
        if (put > 0) {
            bytes += put;
            count -= (size_t)put;
        } else if (put < 0 && errno == EAGAIN && waits-- > 0) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, PATIENCE);
        } else if (put == 0 || errno != EINTR) {
            return;
        }
    }
}

// Writes text to standard error with everything that could act on a terminal made a question mark.
static void say(const uint8_t *bytes, size_t count) {
    static uint8_t last;
    static uint8_t piece[256];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        int acts = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
        // C1 controls are 0xC2 and 0x80 to 0x9F in UTF-8.
        if (last == 0xC2 && byte >= 0x80 && byte < 0xA0) acts = 1;
        last = byte;
        piece[length++] = acts ? '?' : byte;
        if (length == sizeof piece || i + 1 == count) {
            // Standard error is mostly the same terminal; where that stands still the words are lost.
            struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&wait, 1, PATIENCE) <= 0 || write(STDERR_FILENO, piece, length) < 0) return;
            length = 0;
        }
    }
}

static void hand_over_errors(void) {
    if (error_fd < 0) return;
    dup2(error_fd, STDERR_FILENO);
    size_t total = atomic_load(&kept_total);
    if (total > KEPT) say(&kept[total % KEPT], KEPT - total % KEPT);
    say(kept, total % KEPT);
    if (pipe_fd < 0) return;
    static uint8_t piece[512];
    ssize_t got;
    while ((got = read(pipe_fd, piece, sizeof piece)) > 0) say(piece, (size_t)got);
}

static void make_whole(void) {
    if (atomic_exchange(&armed, 0) == 0) return;
    // In the background the terminal is somebody else's, and touching it would stop us.
    pid_t owner = tcgetpgrp(terminal_fd);
    if (owner == -1 || owner == getpgrp()) {
        // The frame that is being written may end amid a sequence; CAN ends that.
        write_patiently(terminal_fd, (const uint8_t *)"\x18", 1);
        write_patiently(terminal_fd, undo_bytes, undo_count);
        tcsetattr(terminal_fd, TCSANOW, &whole);
    }
    hand_over_errors();
}

static void crash(int signal, siginfo_t *info, void *context) {
    (void)context;
    int reason = errno;
    atomic_store(&crashing, 1);
    make_whole();
    for (int i = 0; i < CRASHES; i++) {
        if (crashes[i] == signal) sigaction(signal, &earlier[i], NULL);
    }
    // A fault happens again when this returns, with all it can tell about itself. What was sent does not.
    int was_sent = info->si_code <= 0 || signal == SIGTRAP || signal == SIGABRT || signal == SIGQUIT;
    if (was_sent) raise(signal);
    errno = reason;
}

static void leave(void) {
    atomic_store(&crashing, 1);
    make_whole();
}

void cnc_rescue(void) { leave(); }

static void give_stack(void) {
    stack_t stack;
    if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE)) return;
    void *memory = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t given = {.ss_sp = memory, .ss_size = STACK};
    sigaltstack(&given, NULL);
}

void cnc_arm(int terminal, const void *modes, const uint8_t *undo, size_t count, int error_output,
             int error_pipe) {
    atomic_store(&armed, 0);
    terminal_fd = terminal;
    memcpy(&whole, modes, sizeof whole);
    undo_count = count < UNDO_ROOM ? count : UNDO_ROOM;
    memcpy(undo_bytes, undo, undo_count);
    error_fd = error_output;
    pipe_fd = error_pipe;
    atomic_store(&armed, 1);
}

void cnc_disarm(void) { atomic_store(&armed, 0); }

void cnc_watch_crashes(void) {
    static int leaving;
    give_stack();
    if (watching) return;
    watching = 1;
    if (!leaving) {
        leaving = 1;
        atexit(leave);
    }
    struct sigaction action = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGTTOU);
    sigaddset(&action.sa_mask, SIGTSTP);
    for (int i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], NULL, &earlier[i]);
        int is_ignored = !(earlier[i].sa_flags & SA_SIGINFO) && earlier[i].sa_handler == SIG_IGN;
        if (!is_ignored) sigaction(crashes[i], &action, NULL);
    }
}

void cnc_unwatch_crashes(void) {
    if (!watching) return;
    watching = 0;
    for (int i = 0; i < CRASHES; i++) {
        struct sigaction now;
        sigaction(crashes[i], NULL, &now);
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == crash) sigaction(crashes[i], &earlier[i], NULL);
    }
}

int cnc_is_crashing(void) { return atomic_load(&crashing); }

void cnc_keep_errors(const uint8_t *bytes, size_t count) {
    size_t total = atomic_load(&kept_total);
    for (size_t i = 0; i < count; i++) kept[(total + i) % KEPT] = bytes[i];
    atomic_store(&kept_total, total + count);
}

size_t cnc_take_errors(uint8_t *bytes, size_t room) {
    size_t total = atomic_exchange(&kept_total, 0);
    size_t length = total < KEPT ? total : KEPT;
    if (length > room) length = room;
    for (size_t i = 0; i < length; i++) bytes[i] = kept[(total - length + i) % KEPT];
    return length;
}
