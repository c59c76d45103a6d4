/* Fails, or records, the calls by which a program changes one folder. Loaded with LD_PRELOAD; the tests compile it.

   WRITE_FAULTS_FOLDER  only calls on paths below it count.
   WRITE_FAULTS_MODE    count | kill-before | kill-after | enospc | enospc-for-ever | eio | eio-for-ever | short
                        and of calls that read: read-eio | read-eio-for-ever | short-read
                        and of calls that can be interrupted, also those that wait, or speak over sockets: eintr
   WRITE_FAULTS_AT      the number, from 1, of the call at which it happens.
   WRITE_FAULTS_UNTIL   "for ever" ends when this file exists.
   WRITE_FAULTS_REPORT  a file: "fired N call path" when it happened, "calls N" when the program exits.
   WRITE_FAULTS_LOG     a file that receives every change, and what is sent over sockets, in one order, for images of a disk
                        that lost its power. The folder above the watched one is recorded, too. One record:
                        letter, path length, second path length or data length, offset (all little-endian), then the bytes.
   WRITE_FAULTS_SERVER  when set, the program stops before its main function and runs it in a fork for each line on descriptor
                        3: mode, number, report, until, output, errors, with tabs between and "-" for none. On descriptor 4
                        come the number of the process and, in the end, its raw status. Loading is paid for only once.

   SQLite, Foundation and the program itself reach the disk through these functions of libc (`nm -D`); a fault that never
   fired is seen in the report, so that a call that goes another way cannot pass for one that was survived. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { CREATE, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MAKE_FOLDER, OPEN, READ, WAIT };
enum mode {
    OFF, COUNT, KILL_BEFORE, KILL_AFTER, ENOSPC_ONCE, ENOSPC_EVER, EIO_ONCE, EIO_EVER, SHORT,
    READ_EIO_ONCE, READ_EIO_EVER, SHORT_READ, INTERRUPT
};

static const char *const mode_names[] = {"off",  "count",        "kill-before", "kill-after", "enospc", "enospc-for-ever",
                                         "eio",  "eio-for-ever", "short", "read-eio", "read-eio-for-ever", "short-read",
                                         "eintr"};
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

static void take_mode(const char *name) {
    for (int index = OFF; index <= INTERRUPT; index++)
        if (strcmp(name, mode_names[index]) == 0) mode = index;
    if (mode == OFF) {
        report("unknown mode\n");
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("WRITE_FAULTS_MODE"), *wanted = getenv("WRITE_FAULTS_FOLDER");
    if (!name || !wanted) return;
    snprintf(folder, sizeof folder, "%s", wanted);
    folder_length = strlen(folder);
    until_path = getenv("WRITE_FAULTS_UNTIL");
    report_path = getenv("WRITE_FAULTS_REPORT");
    if (getenv("WRITE_FAULTS_SERVER")) return;
    if (getenv("WRITE_FAULTS_AT")) fire_at = atol(getenv("WRITE_FAULTS_AT"));
    const char *log_path = getenv("WRITE_FAULTS_LOG");
    if (log_path)
        log_descriptor = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    take_mode(name);
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
    case ENOSPC_EVER: return kind < OPEN && kind != UNLINK && kind != TRUNCATE;
    case SHORT: return kind == WRITE;
    case READ_EIO_ONCE:
    case READ_EIO_EVER:
    case SHORT_READ: return kind == READ;
    case INTERRUPT: return kind != RENAME && kind != UNLINK && kind != MAKE_FOLDER;
    default: return kind < OPEN;
    }
}

/* What is to happen to this call: 0 nothing, 1 it fails with errno set, 2 it is followed by death, 3 it is done by half. */
static int judge(enum kind kind, const char *name, const char *path) {
    if (!counts(kind)) return 0;
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    int is_ever = mode == ENOSPC_EVER || mode == EIO_EVER || mode == READ_EIO_EVER;
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
    case SHORT:
    case SHORT_READ: return 3;
    case INTERRUPT: errno = EINTR; return 1;
    case EIO_ONCE:
    case EIO_EVER:
    case READ_EIO_ONCE:
    case READ_EIO_EVER: errno = EIO; return 1;
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
    if (mode == INTERRUPT && resolve(at, path, absolute) && judge(OPEN, name, absolute) == 1) return -1;
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
    if (mode == INTERRUPT && !is_watched && judge(WAIT, name, "") == 1) return -1;
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

/* What of the rest of libc would change a file unseen; nothing here uses it. One call is one point that fails. */
#define ESCAPES(name, descriptor, call) ({ \
    char path[PATH_MAX]; \
    int is_watched = path_of(descriptor, path); \
    if (is_watched) report("escaped " name "\n"); \
    is_watched ? (errno = ENOSYS, -1) : (call); })

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return ESCAPES("pwritev", descriptor, syscall(SYS_pwritev, descriptor, parts, count, offset, 0));
}
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
    return ESCAPES("pwritev64", descriptor, syscall(SYS_pwritev, descriptor, parts, count, offset, 0));
}
ssize_t pwritev2(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
    return ESCAPES("pwritev2", descriptor, syscall(SYS_pwritev2, descriptor, parts, count, offset, 0, flags));
}
ssize_t sendfile(int to, int from, off_t *place, size_t count) {
    return ESCAPES("sendfile", to, syscall(SYS_sendfile, to, from, place, count));
}
int fallocate(int descriptor, int how, off_t offset, off_t count) {
    return ESCAPES("fallocate", descriptor, (int)syscall(SYS_fallocate, descriptor, how, offset, count));
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

static ssize_t read_any(int descriptor, void *bytes, size_t count, off_t offset, const char *name) {
    char path[PATH_MAX];
    if (mode >= READ_EIO_ONCE && count > 0) {
        int is_watched = path_of(descriptor, path);
        int verdict = judge(is_watched ? READ : WAIT, name, is_watched ? path : "");
        if (verdict == 1) return -1;
        if (verdict == 3 && count > 1) count /= 2;
    }
    return offset < 0 ? syscall(SYS_read, descriptor, bytes, count)
                      : syscall(SYS_pread64, descriptor, bytes, count, offset);
}

ssize_t read(int descriptor, void *bytes, size_t count) { return read_any(descriptor, bytes, count, -1, "read"); }
ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    return read_any(descriptor, bytes, count, offset, "pread");
}
ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    return read_any(descriptor, bytes, count, offset, "pread");
}

static int is_interrupted(const char *name) { return mode == INTERRUPT && judge(WAIT, name, "") == 1; }

int poll(struct pollfd *descriptors, nfds_t count, int timeout) {
    return is_interrupted("poll") ? -1 : (int)syscall(SYS_poll, descriptors, count, timeout);
}
int epoll_wait(int descriptor, struct epoll_event *events, int most, int timeout) {
    return is_interrupted("epoll_wait") ? -1 : (int)syscall(SYS_epoll_wait, descriptor, events, most, timeout);
}
ssize_t recv(int descriptor, void *bytes, size_t count, int flags) {
    return is_interrupted("recv") ? -1 : syscall(SYS_recvfrom, descriptor, bytes, count, flags, NULL, NULL);
}
int accept(int descriptor, struct sockaddr *address, socklen_t *size) {
    return is_interrupted("accept") ? -1 : (int)syscall(SYS_accept, descriptor, address, size);
}

/* A folder is read by `readdir`, which asks the system from within libc: its opening stands for that. */
DIR *opendir(const char *path) {
    static DIR *(*real)(const char *);
    char absolute[PATH_MAX];
    if (!real) real = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    if (mode >= READ_EIO_ONCE && resolve(AT_FDCWD, path, absolute) && judge(READ, "opendir", absolute) == 1) return NULL;
    return real(path);
}

/* What is sent is recorded before it leaves: a request that may have arrived is never missing before the cut. */
ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
    if (is_interrupted("send")) return -1;
    if (log_descriptor >= 0) LOCKED(record('N', "", bytes, count, descriptor));
    return syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}

/* One order of a server: the fields of a line. */
static char order[6 * PATH_MAX];

static const char *field(char **rest) {
    char *text = strsep(rest, "\t");
    return text && strcmp(text, "-") != 0 ? text : NULL;
}

static int read_order(void) {
    for (size_t count = 0; count + 1 < sizeof order; count++) {
        if (syscall(SYS_read, 3, order + count, 1) != 1) return 0;
        if (order[count] != '\n') continue;
        order[count] = 0;
        return 1;
    }
    return 0;
}

static void redirect(int descriptor, const char *path) {
    int file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) _exit(98);
    syscall(SYS_dup2, file, descriptor);
    syscall(SYS_close, file);
}

/* Returns in each fork, which then is the program. */
static void serve(void) {
    char text[64];
    while (read_order()) {
        pid_t child = fork();
        if (child == 0) {
            char *rest = order;
            const char *name = field(&rest);
            setpgid(0, 0);
            fire_at = atol(field(&rest));
            report_path = field(&rest);
            until_path = field(&rest);
            redirect(1, field(&rest));
            redirect(2, field(&rest));
            syscall(SYS_close, 3);
            syscall(SYS_close, 4);
            if (name) take_mode(name);
            return;
        }
        syscall(SYS_write, 4, text, snprintf(text, sizeof text, "%d\n", child));
        int status = 0;
        waitpid(child, &status, 0);
        syscall(SYS_write, 4, text, snprintf(text, sizeof text, "%d\n", status));
    }
    _exit(0);
}

typedef int (*main_function)(int, char **, char **);
static main_function program;

static int serving(int count, char **arguments, char **variables) {
    if (getenv("WRITE_FAULTS_SERVER")) serve();
    return program(count, arguments, variables);
}

int __libc_start_main(
    main_function entry, int count, char **arguments, void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
    void *stack_end) {
    typedef int (*start_function)(
        main_function, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
    start_function start = (start_function)dlsym(RTLD_NEXT, "__libc_start_main");
    program = entry;
    return start(serving, count, arguments, init, fini, rtld_fini, stack_end);
}
