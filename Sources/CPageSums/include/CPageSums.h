#ifndef CPAGESUMS_H
#define CPAGESUMS_H

#include <stdint.h>

struct sqlite3;

/// The name under which SQLite knows the files whose pages carry sums.
const char *page_sums_name(void);

/// Bytes at the end of each page that hold its sum; SQLite leaves them alone when it is told to reserve them.
enum { page_sum_bytes = 8 };

/// What stands as `application_id` in the header of a database that never is without sums again.
enum { page_sums_mark = 0x726f6c6c };

/// Makes the name known to SQLite, once; every further call does nothing.
/// @return an SQLite result code.
int page_sums_register(void);

/// Has a database that is still empty, or is about to be written anew by VACUUM, reserve the room for its sums.
/// @param connection an open one.
/// @return an SQLite result code.
int page_sums_reserve(struct sqlite3 *connection);

/// The number, from 1, of the last page of any database whose sum was wrong; 0 when there was none.
int64_t page_sums_last_damaged(void);

#endif
