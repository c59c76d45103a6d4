#include "cpostgres.h"
#include "late_library.h"

static struct late_library libpq = {.name = "libpq.so.5"};

const char *cpostgres_load(void) { return late_library_load(&libpq); }

#define PQ(result, name, parameters, arguments) LATE_FUNCTION(libpq, result, name, parameters, arguments)

// Of a connection.
PQ(PGconn *, PQconnectStartParams, (const char *const *keys, const char *const *values, int expand), (keys, values, expand))
PQ(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection), (connection))
PQ(PQconninfoOption *, PQconninfoParse, (const char *text, char **why), (text, why))
PQ(void, PQconninfoFree, (PQconninfoOption * options), (options))
PQ(void, PQfinish, (PGconn * connection), (connection))
PQ(char *, PQdb, (const PGconn *connection), (connection))
PQ(char *, PQuser, (const PGconn *connection), (connection))
PQ(ConnStatusType, PQstatus, (const PGconn *connection), (connection))
PQ(PGTransactionStatusType, PQtransactionStatus, (const PGconn *connection), (connection))
PQ(int, PQserverVersion, (const PGconn *connection), (connection))
PQ(char *, PQerrorMessage, (const PGconn *connection), (connection))
PQ(int, PQsocket, (const PGconn *connection), (connection))
PQ(int, PQsslInUse, (PGconn * connection), (connection))
PQ(int, PQsetnonblocking, (PGconn * connection, int flag), (connection, flag))
PQ(PQnoticeProcessor, PQsetNoticeProcessor, (PGconn * connection, PQnoticeProcessor processor, void *context),
   (connection, processor, context))

// Of a statement.
PQ(int, PQsendQuery, (PGconn * connection, const char *sql), (connection, sql))
PQ(int, PQsendQueryParams,
   (PGconn * connection, const char *sql, int count, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int format),
   (connection, sql, count, types, values, lengths, formats, format))
PQ(int, PQsendDescribePortal, (PGconn * connection, const char *portal), (connection, portal))
PQ(int, PQflush, (PGconn * connection), (connection))
PQ(int, PQconsumeInput, (PGconn * connection), (connection))
PQ(int, PQisBusy, (PGconn * connection), (connection))
PQ(PGresult *, PQgetResult, (PGconn * connection), (connection))
PQ(int, PQputCopyData, (PGconn * connection, const char *bytes, int count), (connection, bytes, count))
PQ(int, PQputCopyEnd, (PGconn * connection, const char *why), (connection, why))
PQ(PGcancel *, PQgetCancel, (PGconn * connection), (connection))
PQ(void, PQfreeCancel, (PGcancel * cancel), (cancel))
PQ(int, PQcancel, (PGcancel * cancel, char *why, int size), (cancel, why, size))

// Of a result.
PQ(ExecStatusType, PQresultStatus, (const PGresult *result), (result))
PQ(char *, PQresultErrorField, (const PGresult *result, int field), (result, field))
PQ(size_t, PQresultMemorySize, (const PGresult *result), (result))
PQ(int, PQntuples, (const PGresult *result), (result))
PQ(int, PQnfields, (const PGresult *result), (result))
PQ(char *, PQfname, (const PGresult *result, int column), (result, column))
PQ(Oid, PQftype, (const PGresult *result, int column), (result, column))
PQ(int, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column))
PQ(char *, PQgetvalue, (const PGresult *result, int row, int column), (result, row, column))
PQ(int, PQgetlength, (const PGresult *result, int row, int column), (result, row, column))
PQ(void, PQclear, (PGresult * result), (result))
