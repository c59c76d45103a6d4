/* SQLite notices a damaged page only where its structure contradicts itself; a flipped bit in a number or a text is read as
   if it had been written. Here every page of a database carries a sum over its number and its bytes in the eight bytes that
   its header says are reserved: written with the page, checked whenever a page is read, from the file or from the journal
   of an interrupted transaction. A file without the reserve is left as it is, so that older files can be read and brought
   forward. The file stays one that every SQLite can read. After the idea of SQLite's own ext/misc/cksumvfs.c. */
#include "CPageSums.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

const char *page_sums_name(void) { return "rollcall-sums"; }

/* A database or its journal; SQLite's own file follows it in the same piece of memory. */
typedef struct SummedFile {
    sqlite3_file base;
    /* Of a journal: the database that it belongs to. */
    struct SummedFile *database;
    int has_sums;
    /* Of a journal: whether it was looked up that its pages have sums. */
    int is_known;
} SummedFile;

static _Atomic int64_t last_damaged;

int64_t page_sums_last_damaged(void) { return atomic_load(&last_damaged); }

static sqlite3_vfs *ordinary(sqlite3_vfs *vfs) { return vfs->pAppData; }
static sqlite3_file *inner(sqlite3_file *file) { return (sqlite3_file *)((SummedFile *)file + 1); }

/* Each word is mixed before the next comes, so that no two changes cancel each other, and the number of the page counts, so
   that a page in another's place is noticed, one of zeros too. */
static uint64_t sum_of(const uint8_t *bytes, int count, uint64_t page) {
    uint64_t sum = page * 0x9E3779B97F4A7C15u + 0xD1B54A32D192ED03u;
    for (int index = 0; index + 8 <= count; index += 8) {
        uint64_t word;
        memcpy(&word, bytes + index, 8);
        sum = (sum ^ word) * 0xFF51AFD7ED558CCDu;
        sum ^= sum >> 32;
    }
    return sum;
}

static int is_page(int count, sqlite3_int64 offset) {
    return count >= 512 && (count & (count - 1)) == 0 && offset % count == 0;
}

/* Whether a header says that pages have sums: they are reserved, or were once. One flipped bit cannot deny both. */
static int promises_sums(const uint8_t *header) {
    uint32_t mark = (uint32_t)header[68] << 24 | header[69] << 16 | header[70] << 8 | header[71];
    return header[20] == page_sum_bytes || mark == page_sums_mark;
}

static void note_header(SummedFile *file, const void *bytes, int count, sqlite3_int64 offset) {
    if (offset == 0 && count >= 100) file->has_sums = promises_sums(bytes);
}

static int verify(const uint8_t *bytes, int count, uint64_t page) {
    uint64_t sum = sum_of(bytes, count - page_sum_bytes, page);
    if (memcmp(&sum, bytes + count - page_sum_bytes, page_sum_bytes) == 0) return SQLITE_OK;
    atomic_store(&last_damaged, (int64_t)page);
    sqlite3_log(SQLITE_IOERR_DATA, "page %lld does not match its sum", (long long)page);
    return SQLITE_IOERR_DATA;
}

/* A journal that was written before a database was brought forward holds pages without sums. Only the mark, which is
   written in a transaction of its own afterwards, says that every page of every journal has one. */
static int journal_has_sums(SummedFile *file) {
    uint8_t header[100];
    if (file->is_known) return file->has_sums;
    file->is_known = 1;
    sqlite3_file *database = inner((sqlite3_file *)file->database);
    if (database->pMethods && database->pMethods->xRead(database, header, sizeof header, 0) == SQLITE_OK)
        file->has_sums = header[20] == page_sum_bytes && header[68] == (page_sums_mark >> 24 & 0xFF)
            && header[69] == (page_sums_mark >> 16 & 0xFF) && header[70] == (page_sums_mark >> 8 & 0xFF)
            && header[71] == (page_sums_mark & 0xFF);
    return file->has_sums;
}

static int read_file(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    SummedFile *summed = (SummedFile *)file;
    int result = inner(file)->pMethods->xRead(inner(file), bytes, count, offset);
    sqlite3_int64 size = 0;
    /* Of the last page of a file that was cut, SQLite takes what is missing for zeros. */
    int is_cut = result == SQLITE_IOERR_SHORT_READ && inner(file)->pMethods->xFileSize(inner(file), &size) == SQLITE_OK && offset < size;
    if (!summed->database && is_cut && summed->has_sums && is_page(count, offset)) {
        int verdict = verify(bytes, count, offset / count + 1);
        return verdict == SQLITE_OK ? result : verdict;
    }
    if (result != SQLITE_OK) return result;
    if (!summed->database) {
        note_header(summed, bytes, count, offset);
        return summed->has_sums && is_page(count, offset) ? verify(bytes, count, offset / count + 1) : SQLITE_OK;
    }
    /* In a journal the number of the page stands before it. */
    if (count < 512 || (count & (count - 1)) != 0 || offset < 4 || !journal_has_sums(summed)) return SQLITE_OK;
    uint8_t number[4];
    result = inner(file)->pMethods->xRead(inner(file), number, 4, offset - 4);
    if (result != SQLITE_OK) return result;
    return verify(bytes, count, (uint32_t)number[0] << 24 | number[1] << 16 | number[2] << 8 | number[3]);
}

static int write_file(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    SummedFile *summed = (SummedFile *)file;
    if (!summed->database) {
        note_header(summed, bytes, count, offset);
        if (summed->has_sums && is_page(count, offset)) {
            /* Into SQLite's own page, so that what it later writes into a journal has the sum as well. */
            uint64_t sum = sum_of(bytes, count - page_sum_bytes, offset / count + 1);
            memcpy((uint8_t *)bytes + count - page_sum_bytes, &sum, page_sum_bytes);
        }
    }
    return inner(file)->pMethods->xWrite(inner(file), bytes, count, offset);
}

static int close_file(sqlite3_file *file) {
    int result = inner(file)->pMethods->xClose(inner(file));
    file->pMethods = NULL;
    return result;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
    return inner(file)->pMethods->xTruncate(inner(file), size);
}

/* SQLite repeats every interrupted call but those that sync. */
static int sync_file(sqlite3_file *file, int flags) {
    int result, reason = 0;
    do {
        result = inner(file)->pMethods->xSync(inner(file), flags);
        if (result == SQLITE_IOERR_FSYNC) inner(file)->pMethods->xFileControl(inner(file), SQLITE_FCNTL_LAST_ERRNO, &reason);
    } while (result == SQLITE_IOERR_FSYNC && reason == EINTR);
    return result;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int is_synced) {
    sqlite3_vfs *base = ordinary(vfs);
    char folder[PATH_MAX];
    errno = 0;
    int result = base->xDelete(base, name, is_synced);
    if (result != SQLITE_IOERR_DIR_FSYNC || errno != EINTR) return result;
    /* The file is gone; only its folder is still to be synced. */
    const char *slash = strrchr(name, '/');
    if (!slash || slash - name >= PATH_MAX) return result;
    memcpy(folder, name, slash - name);
    folder[slash - name] = 0;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return result;
    int failed;
    do failed = fsync(descriptor); while (failed && errno == EINTR);
    close(descriptor);
    return failed ? result : SQLITE_OK;
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *size) {
    return inner(file)->pMethods->xFileSize(inner(file), size);
}
static int lock_file(sqlite3_file *file, int level) { return inner(file)->pMethods->xLock(inner(file), level); }
static int unlock_file(sqlite3_file *file, int level) { return inner(file)->pMethods->xUnlock(inner(file), level); }
static int is_reserved(sqlite3_file *file, int *result) {
    return inner(file)->pMethods->xCheckReservedLock(inner(file), result);
}
static int control_file(sqlite3_file *file, int what, void *argument) {
    return inner(file)->pMethods->xFileControl(inner(file), what, argument);
}
static int sector_size(sqlite3_file *file) { return inner(file)->pMethods->xSectorSize(inner(file)); }
static int characteristics(sqlite3_file *file) {
    return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}

/* Version 1: no shared memory and no mapping, by which pages would be read past the check. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    sqlite3_vfs *base = ordinary(vfs);
    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL)))
        return base->xOpen(base, name, file, flags, flags_out);
    SummedFile *summed = (SummedFile *)file;
    memset(summed, 0, sizeof *summed);
    if (flags & SQLITE_OPEN_MAIN_JOURNAL) summed->database = (SummedFile *)sqlite3_database_file_object(name);
    int result = base->xOpen(base, name, inner(file), flags, flags_out);
    /* SQLite closes what has methods, opened or not. */
    if (result == SQLITE_OK) file->pMethods = &methods;
    else if (inner(file)->pMethods) inner(file)->pMethods->xClose(inner(file));
    return result;
}

int page_sums_register(void) {
    static sqlite3_vfs vfs;
    static _Atomic int state;
    int fresh = 0;
    /* The name of a file says under which of SQLite's systems it is opened. */
    if (!atomic_compare_exchange_strong(&state, &fresh, 1)) {
        while (atomic_load(&state) == 1) {}
        return SQLITE_OK;
    }
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    sqlite3_vfs *base = sqlite3_vfs_find(NULL);
    vfs = *base;
    vfs.pNext = NULL;
    vfs.zName = page_sums_name();
    vfs.pAppData = base;
    vfs.szOsFile = base->szOsFile + (int)sizeof(SummedFile);
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    int result = sqlite3_vfs_register(&vfs, 0);
    atomic_store(&state, 2);
    return result;
}

int page_sums_reserve(sqlite3 *connection) {
    int count = page_sum_bytes;
    return sqlite3_file_control(connection, NULL, SQLITE_FCNTL_RESERVE_BYTES, &count);
}
