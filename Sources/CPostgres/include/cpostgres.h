#ifndef ROLLCALL_CPOSTGRES_H
#define ROLLCALL_CPOSTGRES_H

#include <postgresql/libpq-fe.h>

/// Loads libpq, which everything else here needs. Returns NULL, or one sentence saying why it cannot be had, valid until
/// the thread asks again.
const char *cpostgres_load(void);

#endif
