#ifndef ROLLCALL_CNCURSES_H
#define ROLLCALL_CNCURSES_H

#include <stddef.h>
#include <stdint.h>

// ncurses as plain functions. Its macros, globals and variadic calls stay behind this header, and so does its
// `cchar_t`. ncurses draws into memory, not onto the terminal: `cnc_output` hands out what it wrote, and whoever owns
// the terminal sends that when the terminal takes it. All functions of the first part belong to one thread.

// MARK: - Screen

enum {
    CNC_BOLD = 1,
    CNC_DIM = 2,
    CNC_REVERSE = 4,
    CNC_UNDERLINE = 8,
};

enum cnc_opening {
    CNC_OPENED = 0,
    /// terminfo has no such terminal.
    CNC_UNKNOWN = 1,
    /// The terminal cannot place its cursor.
    CNC_NO_CURSOR_ADDRESSING = 2,
    /// Memory or descriptors ran out; see `errno`.
    CNC_EXHAUSTED = 3,
};

/// Starts ncurses for the terminal type `term` at a size; the locale must have been set. Signal handlers that ncurses
/// installs are taken out again. With `color` 0 no colour is ever written.
enum cnc_opening cnc_open(const char *term, int rows, int columns, int color);
/// Writes what leaves the screen and frees everything but the output, which is still to be fetched once.
void cnc_close(void);
/// Leaves the screen for a while; the next `cnc_update` comes back to it.
void cnc_leave(void);

/// What ncurses wrote since the last call. The bytes are valid until the next call into this part.
size_t cnc_output(const uint8_t **bytes);

void cnc_resize(int rows, int columns);
void cnc_erase(void);
/// Puts one character, a base and up to four marks after it, with `CNC_…` attributes and a pair from `cnc_pair`. The
/// width that `cnc_width` tells for the base decides whether one or two cells are written.
void cnc_put(int row, int column, const uint32_t *scalars, int count, unsigned attributes, int pair);
/// Brings the screen up to date and shows the cursor at a cell, or hides it when `row` is negative.
void cnc_update(int row, int column);
/// Makes the next update paint every cell.
void cnc_repaint(void);
/// Rings the bell, or flashes where there is none.
void cnc_ring(void);

/// How many colours may be used: 0 for none, otherwise 8, 16, 256 …
int cnc_colors(void);
/// The pair of two colours, -1 for the terminal's own; always the same number for the same two. 0, the terminal's own
/// pair, when there is no room for another.
int cnc_pair(int foreground, int background);
/// A text capability of the open terminal without padding marks, NULL when it has none. Valid until the next call.
const char *cnc_capability(const char *name);

/// Takes the character set that the environment asks for, and nothing else of its locale. Where the environment asks
/// for UTF-8 in a locale that is not installed, plain UTF-8. Returns 1 when characters beyond ASCII may be shown.
int cnc_adopt_locale(void);
/// Columns that a scalar takes in the current locale: 0, 1, 2, or -1 when it cannot be printed.
int cnc_width(uint32_t scalar);

// MARK: - Descriptors, close-on-exec and non-blocking; -1 and `errno` when there is none

/// A counter that is readable once it is not zero.
int cnc_event(void);
/// A deadline in time that goes on while the machine sleeps.
int cnc_timer(void);
/// Makes `timer` readable after a time; both zero take the deadline back.
void cnc_set_timer(int timer, int64_t seconds, int64_t nanoseconds);
/// A pipe: its end to read, and its end to write.
int cnc_pipe(int *exit, int *entrance);

// MARK: - Signals

enum {
    CNC_RESIZED = 1,
    CNC_CONTINUED = 2,
    CNC_STOP_ASKED = 4,
};

/// Notes SIGWINCH, SIGCONT and SIGTSTP and makes `event`, an eventfd, readable. SIGTSTP stays ignored when it was.
/// The calling thread gets all three, and SIGTTOU, unblocked.
void cnc_watch_signals(int event);
/// Names the calling thread, for debuggers.
void cnc_name_thread(const char *name);
/// Restores the handlers that were there before.
void cnc_unwatch_signals(void);
/// What was noted since the last call, as `CNC_…` bits.
unsigned cnc_take_signals(void);
/// Sends SIGTSTP with its default action to the whole process group. Returns before, after or without a stop; 0 when
/// SIGTSTP is ignored. `cnc_notice_stops` is to be called once the stop is over.
int cnc_stop_group(void);
/// Gives SIGTSTP its default action, for programs that run outside the screen …
void cnc_default_stops(void);
/// … and its noted action again.
void cnc_notice_stops(void);

// MARK: - Restoring the terminal in a crash

/// Remembers how to make the terminal whole. When the process crashes or exits, the first thing that happens is: the
/// undo bytes are written to `terminal`, its modes set back, descriptor 2 set to `error_output` and what `error_pipe`
/// still holds written there. Then the earlier handler has its turn. The last two are -1 when there are none. `modes`
/// points to a `struct termios`.
void cnc_arm(int terminal, const void *modes, const uint8_t *undo, size_t count, int error_output,
             int error_pipe);
/// The terminal is whole already; a crash need not restore it.
void cnc_disarm(void);
/// Puts the handlers for SIGILL SIGTRAP SIGSEGV SIGBUS SIGFPE SIGABRT and SIGQUIT in place, except where the signal is
/// ignored, and an alternate stack for the calling thread when it has none.
void cnc_watch_crashes(void);
/// Takes those handlers out again where they are still ours.
void cnc_unwatch_crashes(void);
/// Makes the terminal whole at once, from any thread, as a crash would; for an end that cannot wait.
void cnc_rescue(void);
/// True while a crash is under way: nothing more may be written to the terminal.
int cnc_is_crashing(void);
/// Keeps the end of what was written to standard error, for a crash and for the time after the screen.
void cnc_keep_errors(const uint8_t *bytes, size_t count);
/// Copies the kept end, at most `room` bytes, and forgets it. Returns its length.
size_t cnc_take_errors(uint8_t *bytes, size_t room);

#endif
