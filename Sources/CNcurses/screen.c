#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1

#include "cncurses.h"

#include <errno.h>
#include <fcntl.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
#include <wchar.h>

// Pairs are numbered by their colours once and for all: 17 foregrounds (the terminal's own first) by 17 backgrounds.
enum { COLOR_CHOICES = 17, PAIR_CHOICES = COLOR_CHOICES * COLOR_CHOICES, KEPT_OUTPUT = 1 << 16 };

static SCREEN *screen;
static FILE *drawing;
static FILE *nothing;
static int drawing_fd = -1;
static uint8_t *output;
static size_t output_room;
// What the end wrote, until it is fetched.
static size_t left_over;
static int color_count;
static int next_pair;
static int pairs[PAIR_CHOICES];
static int cursor_shown;
// Between leaving the screen and the next update.
static int is_away;
static char capability[256];

// Signals for which ncurses installs handlers in newterm().
static const int taken_signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
enum { TAKEN = sizeof taken_signals / sizeof taken_signals[0] };

static void free_screen(void) {
    if (screen) delscreen(screen);
    if (drawing) fclose(drawing);
    if (nothing) fclose(nothing);
    screen = NULL;
    drawing = NULL;
    nothing = NULL;
    drawing_fd = -1;
}

// ncurses writes with write(2) to the descriptor of its output stream. A file in memory takes all of it at once.
static int open_streams(void) {
    drawing_fd = memfd_create("screen", MFD_CLOEXEC);
    if (drawing_fd < 0) return 0;
    drawing = fdopen(drawing_fd, "w");
    if (!drawing) {
        close(drawing_fd);
        return 0;
    }
    nothing = fopen("/dev/null", "re");
    return nothing != NULL;
}

static void start_colors(int wanted) {
    color_count = 0;
    next_pair = 1;
    memset(pairs, 0, sizeof pairs);
    if (!wanted || !has_colors() || start_color() == ERR) return;
    if (use_default_colors() == ERR) return;
    color_count = COLORS;
}

static void discard_output(void) {
    if (drawing_fd < 0) return;
    lseek(drawing_fd, 0, SEEK_SET);
    if (ftruncate(drawing_fd, 0) != 0) return;
}

enum cnc_opening cnc_open(const char *term, int rows, int columns, int color) {
    if (screen) {
        errno = EBUSY;
        return CNC_EXHAUSTED;
    }
    if (!open_streams()) {
        int reason = errno;
        free_screen();
        errno = reason;
        return CNC_EXHAUSTED;
    }
    struct sigaction earlier[TAKEN];
    for (int i = 0; i < TAKEN; i++) sigaction(taken_signals[i], NULL, &earlier[i]);
    // The size comes from whoever owns the terminal, never from LINES and COLUMNS. With both calls a terminal type
    // that tells no size starts with 24x80; with the first alone it would not start.
    use_env(FALSE);
    use_tioctl(TRUE);
    screen = newterm(term, drawing, nothing);
    for (int i = 0; i < TAKEN; i++) sigaction(taken_signals[i], &earlier[i], NULL);
    if (!screen) {
        free_screen();
        return CNC_UNKNOWN;
    }
    const char *place = tigetstr("cup");
    is_away = 0;
    if (!place || place == (char *)-1 || !*place) {
        endwin();
        free_screen();
        return CNC_NO_CURSOR_ADDRESSING;
    }
    // These set flags of ncurses; the modes of the real terminal are its owner's business.
    raw();
    noecho();
    nonl();
    typeahead(-1);
    keypad(stdscr, TRUE);
    scrollok(stdscr, FALSE);
    leaveok(stdscr, FALSE);
    start_colors(color);
    // What newterm() wrote is for the size that terminfo tells. It is thrown away, and the first update writes it anew.
    cnc_leave();
    discard_output();
    resize_term(rows, columns);
    return CNC_OPENED;
}

void cnc_leave(void) {
    if (!screen) return;
    if (!is_away) endwin();
    is_away = 1;
    // endwin() shows the cursor behind our back.
    cursor_shown = 1;
}

static size_t collect(void) {
    if (!drawing) return 0;
    fflush(drawing);
    off_t end = lseek(drawing_fd, 0, SEEK_CUR);
    if (end <= 0) return 0;
    size_t count = (size_t)end;
    if (count > output_room) {
        uint8_t *larger = realloc(output, count);
        if (!larger) return 0;
        output = larger;
        output_room = count;
    }
    ssize_t got = pread(drawing_fd, output, count, 0);
    lseek(drawing_fd, 0, SEEK_SET);
    if (count > KEPT_OUTPUT) discard_output();
    return got > 0 ? (size_t)got : 0;
}

void cnc_close(void) {
    if (!screen) return;
    cnc_leave();
    left_over = collect();
    free_screen();
}

size_t cnc_output(const uint8_t **bytes) {
    size_t count = screen ? collect() : left_over;
    left_over = 0;
    *bytes = output;
    return count;
}

void cnc_resize(int rows, int columns) {
    if (!screen) return;
    resize_term(rows, columns);
    clearok(curscr, TRUE);
    // Not every terminal widens its scrolling margins with its size. Setting them moves the cursor home, and so does
    // the clearing that follows.
    const char *margins = rows > 1 ? tigetstr("csr") : NULL;
    if (is_away || !margins || margins == (char *)-1) return;
    const char *wide = tparm(margins, 0, rows - 1);
    if (wide && write(drawing_fd, wide, strlen(wide)) < 0) return;
}

void cnc_erase(void) {
    if (screen) werase(stdscr);
}

void cnc_put(int row, int column, const uint32_t *scalars, int count, unsigned attributes, int pair) {
    if (!screen || count < 1) return;
    wchar_t text[CCHARW_MAX + 1];
    int length = count < CCHARW_MAX ? count : CCHARW_MAX;
    for (int i = 0; i < length; i++) text[i] = (wchar_t)scalars[i];
    text[length] = 0;
    attr_t look = A_NORMAL;
    if (attributes & CNC_BOLD) look |= A_BOLD;
    if (attributes & CNC_DIM) look |= A_DIM;
    if (attributes & CNC_REVERSE) look |= A_REVERSE;
    if (attributes & CNC_UNDERLINE) look |= A_UNDERLINE;
    cchar_t cell;
    // Pairs above 255 do not fit the short parameter; the last one carries them.
    if (setcchar(&cell, text, look, 0, &pair) == ERR) return;
    // This form neither wraps, scrolls nor moves the cursor, so the bottom right cell is like any other.
    mvwadd_wchnstr(stdscr, row, column, &cell, 1);
}

// The sequence that resets a palette, which the user may have set up, has no place in coming back to the screen.
static void cut_palette_reset(void) {
    const char *reset = tigetstr("oc");
    if (!reset || reset == (char *)-1 || !*reset) return;
    size_t length = strlen(reset), count = collect();
    uint8_t *found = memmem(output, count, reset, length);
    if (found) {
        memmove(found, found + length, (size_t)(output + count - found) - length);
        count -= length;
    }
    if (write(drawing_fd, output, count) < 0) return;
}

void cnc_update(int row, int column) {
    if (!screen) return;
    int returns = is_away;
    is_away = 0;
    // doupdate() would do this if it could set the modes of what it writes to.
    if (returns) keypad(stdscr, TRUE);
    int shown = row >= 0;
    wmove(stdscr, shown ? row : 0, shown ? column : 0);
    // leaveok spares the cursor movement that nobody would see.
    leaveok(stdscr, !shown);
    if (shown != cursor_shown) {
        curs_set(shown);
        cursor_shown = shown;
    }
    wnoutrefresh(stdscr);
    doupdate();
    if (returns) cut_palette_reset();
}

void cnc_repaint(void) {
    if (screen) clearok(curscr, TRUE);
}

void cnc_ring(void) {
    if (screen) beep();
}

int cnc_colors(void) { return color_count; }

int cnc_pair(int foreground, int background) {
    if (!screen || !color_count) return 0;
    if (foreground < -1 || foreground >= color_count || foreground > 15) return 0;
    if (background < -1 || background >= color_count || background > 15) return 0;
    if (foreground == -1 && background == -1) return 0;
    int index = (foreground + 1) * COLOR_CHOICES + background + 1;
    if (pairs[index]) return pairs[index];
    if (next_pair >= COLOR_PAIRS) return 0;
    if (init_extended_pair(next_pair, foreground, background) == ERR) return 0;
    pairs[index] = next_pair++;
    return pairs[index];
}

// Padding is written "$<5>", "$<2/>" or "$<3*>"; no terminal of our days needs it.
const char *cnc_capability(const char *name) {
    const char *text = screen ? tigetstr((char *)name) : NULL;
    if (!text || text == (char *)-1) return NULL;
    size_t length = 0;
    while (*text && length + 1 < sizeof capability) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (end) {
            text = end + 1;
        } else {
            capability[length++] = *text++;
        }
    }
    capability[length] = 0;
    return capability;
}
