#define _GNU_SOURCE

#include "cncurses.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int cnc_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int cnc_timer(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK); }

void cnc_set_timer(int timer, int64_t seconds, int64_t nanoseconds) {
    struct itimerspec value = {.it_value = {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    timerfd_settime(timer, 0, &value, NULL);
}

int cnc_pipe(int *exit, int *entrance) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    *exit = ends[0];
    *entrance = ends[1];
    return 0;
}
