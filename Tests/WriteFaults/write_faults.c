/* Fails, or records, the calls by which a program changes one folder. Loaded with LD_PRELOAD; the tests compile it.

   WRITE_FAULTS_FOLDER  only calls on paths below it count.
   WRITE_FAULTS_MODE    count | kill-before | kill-after | enospc | enospc-for-ever | eio | eio-for-ever | short
   WRITE_FAULTS_AT      the number, from 1, of the call at which it happens.
   WRITE_FAULTS_UNTIL   "for ever" ends when this file exists.
   WRITE_FAULTS_REPORT  a file: "fired N call path" when it happened, "calls N" when the program exits.
   WRITE_FAULTS_LOG     a file that receives every change, and what is sent over sockets, in one order, for images of a disk
                        that lost its power. The folder above the watched one is recorded, too. One record:
                        letter, path length, second path length or data length, offset (all little-endian), then the bytes.

   SQLite, Foundation and the program itself reach the disk through these functions of libc (`nm -D`); a fault that never
   fired is seen in the report, so that a call that goes another way cannot pass for one that was survived. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MAKE_FOLDER };
enum mode { OFF, COUNT, KILL_BEFORE, KILL_AFTER, ENOSPC_ONCE, ENOSPC_EVER, EIO_ONCE, EIO_EVER, SHORT };

static const char *const mode_names[] = {"off",  "count",        "kill-before", "kill-after", "enospc", "enospc-for-ever",
                                         "eio",  "eio-for-ever", "short"};
static enum mode mode;
static long fire_at, calls;
static char folder[PATH_MAX];
static size_t folder_length;
static const char *until_path, *report_path;
static int log_descriptor = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The report is written by system calls, which this library does not intercept. */
static void report(const char *text) {
    if (!report_path) return;
    int descriptor = syscall(SYS_openat, AT_FDCWD, report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor < 0) return;
    syscall(SYS_write, descriptor, text, strlen(text));
    syscall(SYS_close, descriptor);
}

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("WRITE_FAULTS_MODE"), *wanted = getenv("WRITE_FAULTS_FOLDER");
    if (!name || !wanted) return;
    snprintf(folder, sizeof folder, "%s", wanted);
    folder_length = strlen(folder);
    until_path = getenv("WRITE_FAULTS_UNTIL");
    report_path = getenv("WRITE_FAULTS_REPORT");
    if (getenv("WRITE_FAULTS_AT")) fire_at = atol(getenv("WRITE_FAULTS_AT"));
    const char *log_path = getenv("WRITE_FAULTS_LOG");
    if (log_path)
        log_descriptor = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (int index = OFF; index <= SHORT; index++)
        if (strcmp(name, mode_names[index]) == 0) mode = index;
    if (mode == OFF) {
        report("unknown mode\n");
        _exit(99);
    }
}

__attribute__((destructor)) static void end(void) {
    char text[64];
    if (mode == OFF) return;
    snprintf(text, sizeof text, "calls %ld\n", calls);
    report(text);
}

static int is_ours(const char *path) {
    return mode != OFF && strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || !path[folder_length]);
}

/* The absolute path of a name, as the folder it is relative to stands. */
static int resolve(int at, const char *path, char *absolute) {
    if (path[0] == '/') {
        snprintf(absolute, PATH_MAX, "%s", path);
    } else {
        char base[PATH_MAX], link[64];
        ssize_t count;
        if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        count = readlink(link, base, sizeof base - 1);
        if (count < 0) return 0;
        base[count] = 0;
        if (snprintf(absolute, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    return is_ours(absolute);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    if (mode == OFF) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, path, PATH_MAX - 1);
    if (count < 0) return 0;
    path[count] = 0;
    return is_ours(path);
}

/* Whether a call of this kind is one that the mode can fail. */
static int counts(enum kind kind) {
    switch (mode) {
    case ENOSPC_ONCE:
    case ENOSPC_EVER: return kind != UNLINK && kind != TRUNCATE;
    case SHORT: return kind == WRITE;
    default: return 1;
    }
}

/* What is to happen to this call: 0 nothing, 1 it fails with errno set, 2 it is followed by death, 3 it is done by half. */
static int judge(enum kind kind, const char *name, const char *path) {
    if (!counts(kind)) return 0;
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    int is_ever = mode == ENOSPC_EVER || mode == EIO_EVER;
    if (mode == COUNT || number < fire_at || (number > fire_at && !is_ever)) return 0;
    if (number == fire_at) {
        char text[PATH_MAX + 64];
        snprintf(text, sizeof text, "fired %ld %s %s\n", number, name, path);
        report(text);
    }
    if (is_ever && until_path && access(until_path, F_OK) == 0) return 0;
    switch (mode) {
    case KILL_BEFORE: kill(getpid(), SIGKILL); for (;;) pause();
    case KILL_AFTER: return 2;
    case SHORT: return 3;
    case EIO_ONCE:
    case EIO_EVER: errno = EIO; return 1;
    default: errno = ENOSPC; return 1;
    }
}

static void die(int verdict) {
    if (verdict != 2) return;
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* One record of the log. */
static void record(char letter, const char *path, const void *second, uint64_t count, uint64_t offset) {
    if (log_descriptor < 0) return;
    struct __attribute__((packed)) { uint8_t letter; uint32_t path; uint64_t second; uint64_t offset; } head = {
        letter, strlen(path), count, offset};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)second, count}};
    syscall(SYS_writev, log_descriptor, parts, second ? 3 : 2);
}

/* While changes are recorded, a change and its record are one step. */
#define LOCKED(expression) ({ if (log_descriptor >= 0) pthread_mutex_lock(&lock); expression; \
                              if (log_descriptor >= 0) pthread_mutex_unlock(&lock); })

/* Opening counts when it makes or empties a file. */
static int open_any(int at, const char *path, int flags, mode_t bits, const char *name) {
    char absolute[PATH_MAX];
    int verdict = 0, is_watched = 0, result;
    if (flags & (O_CREAT | O_TRUNC) && resolve(at, path, absolute)) {
        struct stat status;
        int exists = fstatat(at, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
        is_watched = !exists || (flags & O_TRUNC && status.st_size > 0);
        if (is_watched && (verdict = judge(CREATE, name, absolute)) == 1) return -1;
        LOCKED(
            result = syscall(SYS_openat, at, path, flags, bits);
            if (is_watched && result >= 0) record(exists ? 'T' : 'C', absolute, NULL, 0, 0));
        die(verdict);
        return result;
    }
    return syscall(SYS_openat, at, path, flags, bits);
}

#define BITS(flags) ({ mode_t bits = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list list; va_start(list, flags); bits = va_arg(list, int); va_end(list); } bits; })

int open(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, BITS(flags), "open"); }
int open64(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, BITS(flags), "open"); }
int openat(int at, const char *path, int flags, ...) { return open_any(at, path, flags, BITS(flags), "openat"); }
int openat64(int at, const char *path, int flags, ...) { return open_any(at, path, flags, BITS(flags), "openat"); }
int creat(const char *path, mode_t bits) {
    return open_any(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, bits, "creat");
}

/* `offset` < 0 writes at the descriptor's own place. */
static ssize_t write_any(int descriptor, const void *bytes, size_t count, off_t offset, const char *name) {
    char path[PATH_MAX];
    int verdict = 0;
    int is_watched = count > 0 && path_of(descriptor, path);
    if (is_watched && (verdict = judge(WRITE, name, path)) == 1) return -1;
    if (verdict == 3 && count > 1) count /= 2;
    ssize_t result;
    LOCKED(
        off_t place = offset;
        if (is_watched && offset < 0 && log_descriptor >= 0) {
            struct stat status;
            int is_appending = syscall(SYS_fcntl, descriptor, F_GETFL) & O_APPEND;
            place = is_appending && fstat(descriptor, &status) == 0 ? status.st_size : lseek(descriptor, 0, SEEK_CUR);
        }
        result = offset < 0 ? syscall(SYS_write, descriptor, bytes, count)
                            : syscall(SYS_pwrite64, descriptor, bytes, count, offset);
        if (is_watched && result > 0) record('W', path, bytes, result, place));
    die(verdict);
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t count) { return write_any(descriptor, bytes, count, -1, "write"); }
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return write_any(descriptor, bytes, count, offset, "pwrite");
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return write_any(descriptor, bytes, count, offset, "pwrite");
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!path_of(descriptor, path)) return syscall(SYS_writev, descriptor, parts, count);
    /* Allowed to write less than it was given: one part a call. */
    for (int index = 0; index < count; index++)
        if (parts[index].iov_len > 0) return write_any(descriptor, parts[index].iov_base, parts[index].iov_len, -1, "writev");
    return 0;
}

/* Copies inside the kernel would escape the log; callers fall back to reading and writing. */
ssize_t copy_file_range(int from, off64_t *from_place, int to, off64_t *to_place, size_t count, unsigned flags) {
    char path[PATH_MAX];
    if (path_of(to, path)) return errno = EXDEV, -1;
    return syscall(SYS_copy_file_range, from, from_place, to, to_place, count, flags);
}

static int sync_any(int descriptor, long number, const char *name) {
    char path[PATH_MAX];
    int verdict = 0, is_watched = path_of(descriptor, path), result;
    if (is_watched && (verdict = judge(SYNC, name, path)) == 1) return -1;
    LOCKED(
        result = syscall(number, descriptor);
        if (is_watched && result == 0) record('S', path, NULL, 0, 0));
    die(verdict);
    return result;
}

int fsync(int descriptor) { return sync_any(descriptor, SYS_fsync, "fsync"); }
int fdatasync(int descriptor) { return sync_any(descriptor, SYS_fdatasync, "fdatasync"); }

static int truncate_any(int descriptor, off_t size) {
    char path[PATH_MAX];
    int verdict = 0, is_watched = path_of(descriptor, path), result;
    if (is_watched && (verdict = judge(TRUNCATE, "ftruncate", path)) == 1) return -1;
    LOCKED(
        result = syscall(SYS_ftruncate, descriptor, size);
        if (is_watched && result == 0) record('L', path, NULL, 0, size));
    die(verdict);
    return result;
}

int ftruncate(int descriptor, off_t size) { return truncate_any(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return truncate_any(descriptor, size); }

static int rename_any(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX];
    int is_from = resolve(from_at, from, old), is_to = resolve(to_at, to, new), verdict = 0, result;
    if ((is_from || is_to) && (verdict = judge(RENAME, "rename", new)) == 1) return -1;
    LOCKED(
        result = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
        if ((is_from || is_to) && result == 0) record(flags ? 'X' : 'R', old, new, strlen(new), 0));
    die(verdict);
    return result;
}

int rename(const char *from, const char *to) { return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return rename_any(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return rename_any(from_at, from, to_at, to, flags);
}

int link(const char *from, const char *to) {
    char old[PATH_MAX], new[PATH_MAX];
    int is_watched = resolve(AT_FDCWD, to, new), verdict = 0, result;
    resolve(AT_FDCWD, from, old);
    if (is_watched && (verdict = judge(RENAME, "link", new)) == 1) return -1;
    LOCKED(
        result = syscall(SYS_link, from, to);
        if (is_watched && result == 0) record('H', old, new, strlen(new), 0));
    die(verdict);
    return result;
}

static int unlink_any(int at, const char *path, int flags) {
    char absolute[PATH_MAX];
    struct stat status;
    /* What is not there cannot be removed: no change, no point. */
    int is_watched = resolve(at, path, absolute) && fstatat(at, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
    int verdict = 0, result;
    if (is_watched && (verdict = judge(UNLINK, "unlink", absolute)) == 1) return -1;
    LOCKED(
        result = syscall(SYS_unlinkat, at, path, flags);
        if (is_watched && result == 0) record('U', absolute, NULL, 0, 0));
    die(verdict);
    return result;
}

int unlink(const char *path) { return unlink_any(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlink_any(at, path, flags); }
int remove(const char *path) {
    int result = unlink_any(AT_FDCWD, path, 0);
    return result != 0 && errno == EISDIR ? unlink_any(AT_FDCWD, path, AT_REMOVEDIR) : result;
}
int rmdir(const char *path) { return unlink_any(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t bits) {
    char absolute[PATH_MAX];
    struct stat status;
    int is_watched = resolve(AT_FDCWD, path, absolute) && lstat(path, &status) != 0, verdict = 0, result;
    if (is_watched && (verdict = judge(MAKE_FOLDER, "mkdir", absolute)) == 1) return -1;
    LOCKED(
        result = syscall(SYS_mkdirat, AT_FDCWD, path, bits);
        if (is_watched && result == 0) record('D', absolute, NULL, 0, 0));
    die(verdict);
    return result;
}

/* What is sent is recorded before it leaves: a request that may have arrived is never missing before the cut. */
ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
    if (log_descriptor >= 0) LOCKED(record('N', "", bytes, count, descriptor));
    return syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}
