/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to an SQLite database, as a guest in a host's process wants it; floor 2.
 *
 * 1. Every descriptor is close-on-exec and none is 0, 1 or 2; nothing outside the database's
 * directory is touched.
 * 2. The schema in the file runs nothing: no trigger, no view, no function it names.
 * 3. A commit is on the disk when it returns (WAL, synchronous=FULL).
 * 4. Between begin and commit no key of a terminal stops or ends the process: others wait for it.
 * 5. Under a limit on file sizes (RLIMIT_FSIZE), which whoever starts a setuid program may choose,
 * nothing is written at all.
 * 6. Values are read strictly: type, range and size are the caller's, or the value is refused. */
#ifndef TOTP_SQL_H
#define TOTP_SQL_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

/* A connection, and a prepared statement of it. */
struct sql;
struct sqlite3_stmt;

/* Opens an existing file that the caller has checked. queries: prepared at their first use, named
 * by their index; borrowed for as long as the connection lives. ERR_STORE*, ERR_NOMEM. */
int sql_open(const char *path, const char *const *queries, size_t count, struct sql **sql,
             struct err *err) MUST_CHECK;

/* Rolls back and closes; takes NULL. */
void sql_close(struct sql *sql);

const char *sql_path(const struct sql *sql);

/* A transaction; with write, other writers are waited for, up to 5 s (ERR_STORE_BUSY). A commit
 * that fails is rolled back. */
int sql_begin(struct sql *sql, bool write, struct err *err) MUST_CHECK;
int sql_commit(struct sql *sql, struct err *err) MUST_CHECK;
void sql_rollback(struct sql *sql); /* without a transaction: nothing */

/* One within a write transaction: kept with it, or undone alone. ERR_STORE where that transaction
 * is no more. */
int sql_mark(struct sql *sql, struct err *err) MUST_CHECK;
int sql_keep(struct sql *sql, struct err *err) MUST_CHECK;
void sql_undo(struct sql *sql);

/* Empties the log into the database's file, unless others are reading or writing; never waits. What
 * was committed is safe either way. */
void sql_settle(struct sql *sql);

/* Runs a script without parameters or results. */
int sql_execute(struct sql *sql, const char *script, struct err *err) MUST_CHECK;

/* The first column of the first row of a query, as a number. */
int sql_number(struct sql *sql, const char *query, int64_t *value, struct err *err) MUST_CHECK;

/* The statement of queries[index], without bindings. The scope ends its use: CLEANUP(sql_finish).
 */
int sql_use(struct sql *sql, size_t index, struct sqlite3_stmt **statement,
            struct err *err) MUST_CHECK;
void sql_finish(struct sqlite3_stmt **statement);

/* Parameters from 1 on; text and blob are borrowed until sql_finish. Failing (for want of memory)
 * is found by the statement's run: a parameter that is not bound is NULL, which no column takes.
 * text NULL binds NULL. */
void sql_bind_number(struct sqlite3_stmt *statement, int at, int64_t number);
void sql_bind_text(struct sqlite3_stmt *statement, int at, const char *text);
void sql_bind_blob(struct sqlite3_stmt *statement, int at, const void *blob, size_t length);

/* 1: a row, 0: no more, or ERR_STORE*. */
int sql_next(struct sql *sql, struct sqlite3_stmt *statement, struct err *err) MUST_CHECK;

/* Runs a statement that changes something; *changed (may be NULL) tells how many rows. ERR_EXISTS
 * where a row is in the way. */
int sql_run(struct sql *sql, struct sqlite3_stmt *statement, int *changed,
            struct err *err) MUST_CHECK;

/* The id of the row inserted last. */
int64_t sql_inserted(const struct sql *sql);

/* Columns from 0 on of the present row. false, and the output as it was: another type, out of
 * range, too long, or a text with a NUL byte inside. */
bool sql_get_number(struct sqlite3_stmt *statement, int at, int64_t min, int64_t max,
                    int64_t *number) MUST_CHECK;
bool sql_get_text(struct sqlite3_stmt *statement, int at, char *text, size_t size) MUST_CHECK;
bool sql_get_blob(struct sqlite3_stmt *statement, int at, uint8_t *blob, size_t size,
                  size_t *length) MUST_CHECK;

#endif
