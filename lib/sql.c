/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "sql.h"

#include "file.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BUSY_LIMIT_US 5000000
#define QUERIES_MAX 32
#define FILE_SIZE_MIN (1 << 30) /* far above what a log grows to */

/* Pages of log after which a commit empties it. Who opens the store alone reads the whole log
 * first, and SQLite's own checkpoint starts the log anew only while somebody else has the store
 * open: without this a host that sees one login at a time would read more at each. */
#define LOG_PAGES_MAX 100

struct sql {
    sqlite3 *db;
    const char *const *queries;
    size_t count;
    sqlite3_stmt *prepared[QUERIES_MAX];
    struct file_stdio stdio;
    bool masked;
    sigset_t unmasked; /* what was blocked before */
    int64_t waited_us;
    int log_pages; /* after the last commit */
    char path[ERR_WHERE_SIZE];
};

static int code_of(const struct sql *sql, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_STORE_BUSY;
    case SQLITE_FULL:
        return ERR_STORE_FULL;
    case SQLITE_IOERR:
        return sql->db != NULL && sqlite3_system_errno(sql->db) == ENOSPC ? ERR_STORE_FULL
                                                                          : ERR_STORE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return ERR_STORE_READONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return ERR_STORE_CORRUPT;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    }
    return ERR_STORE;
}

static int fail(const struct sql *sql, int rc, struct err *err)
{
    return err_set(err, code_of(sql, rc), sql->path, "%s",
                   sql->db != NULL ? sqlite3_errmsg(sql->db) : sqlite3_errstr(rc));
}

/* Short naps, so that a crowd of logins passes one commit after the other; SQLite's own grow to 100
 * ms. */
static int wait_busy(void *context, int attempts)
{
    struct sql *sql = context;
    int64_t us = attempts < 3 ? 250 << attempts : 1000 + (getpid() * 37 + attempts * 101) % 500;

    if (attempts == 0)
        sql->waited_us = 0;
    if (sql->waited_us >= BUSY_LIMIT_US)
        return 0;
    sql->waited_us += us;
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    return 1;
}

static int count_log(void *context, sqlite3 *db, const char *name, int pages)
{
    struct sql *sql = context;

    (void)db, (void)name;
    sql->log_pages = pages;
    return SQLITE_OK;
}

/* Where others read or write, their next commit will do. */
void sql_settle(struct sql *sql)
{
    (void)sqlite3_busy_handler(sql->db, NULL, NULL);
    (void)sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void)sqlite3_busy_handler(sql->db, wait_busy, sql);
    sql->log_pages = 0;
}

/* The log is not copied back on close: the next login would only pay for making it again. */
static int configure(struct sql *sql, struct err *err)
{
    static const struct {
        int option, value;
    } settings[] = {{SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                    {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}};

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        int now = 0;
        int rc = sqlite3_db_config(sql->db, settings[i].option, settings[i].value, &now);
        if (rc != SQLITE_OK || now != settings[i].value)
            return fail(sql, rc != SQLITE_OK ? rc : SQLITE_ERROR, err);
    }
    sqlite3_extended_result_codes(sql->db, 1);
    /* SQLite makes do with reading. Whoever keeps the store open would do so for ever, also when it
     * can be written again. */
    if (sqlite3_db_readonly(sql->db, "main") != 0)
        return err_set(err, ERR_STORE_READONLY, sql->path,
                       "it cannot be written: see whether its file system is mounted read-only");
    int rc = sqlite3_busy_handler(sql->db, wait_busy, sql);
    if (rc != SQLITE_OK)
        return fail(sql, rc, err);
    (void)sqlite3_wal_hook(sql->db, count_log, sql);
    /* In memory: SQLite would ask the environment where temporary files go. */
    return sql_execute(sql, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY", err);
}

/* A limit between what a refusal writes and what an acceptance writes would let guesses go
 * uncounted. */
static int check_limit(const char *path, struct err *err)
{
    struct rlimit limit = {0};

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= FILE_SIZE_MIN))
        return 0;
    return err_set(err, ERR_STORE_READONLY, path,
                   "this process is limited in the size of files it may write: lift 'ulimit -f'");
}

int sql_open(const char *path, const char *const *queries, size_t count, struct sql **sql,
             struct err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int r = check_limit(path, err);
    if (r != 0)
        return r;
    struct sql *opened = calloc(1, sizeof(*opened));
    if (opened == NULL)
        return err_set(err, ERR_NOMEM, path, NULL);
    opened->queries = queries;
    opened->count = count;
    r = count <= QUERIES_MAX ? text_copy(opened->path, sizeof(opened->path), path) : ERR_RANGE;
    if (r == 0)
        r = file_stdio_hold(&opened->stdio);
    if (r != 0) {
        (void)err_set(err, r, path, NULL);
    } else {
        int rc = sqlite3_open_v2(path, &opened->db, flags, NULL);
        r = rc == SQLITE_OK ? configure(opened, err) : fail(opened, rc, err);
    }
    if (r != 0) {
        sql_close(opened);
        return r;
    }
    *sql = opened;
    return 0;
}

void sql_close(struct sql *sql)
{
    if (sql == NULL)
        return;
    if (sql->db != NULL)
        sql_rollback(sql);
    for (size_t i = 0; i < QUERIES_MAX; i++)
        sqlite3_finalize(sql->prepared[i]);
    (void)sqlite3_close(sql->db);
    file_stdio_release(&sql->stdio);
    free(sql);
}

const char *sql_path(const struct sql *sql)
{
    return sql->path;
}

/* What a terminal's keys and job control send. Stopped in the middle, one person's su would keep
 * everybody else's login waiting. */
static void mask(struct sql *sql)
{
    static const int held[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(held); i++)
        sigaddset(&set, held[i]);
    sql->masked = pthread_sigmask(SIG_BLOCK, &set, &sql->unmasked) == 0;
}

static void unmask(struct sql *sql)
{
    if (sql->masked)
        (void)pthread_sigmask(SIG_SETMASK, &sql->unmasked, NULL);
    sql->masked = false;
}

int sql_begin(struct sql *sql, bool write, struct err *err)
{
    /* Should an earlier rollback have failed: what it left must not become part of this. */
    if (!sqlite3_get_autocommit(sql->db))
        sql_rollback(sql);
    if (!write)
        return sql_execute(sql, "BEGIN", err);
    mask(sql);
    int r = sql_execute(sql, "BEGIN IMMEDIATE", err);
    if (r != 0)
        unmask(sql);
    return r;
}

void sql_rollback(struct sql *sql)
{
    if (!sqlite3_get_autocommit(sql->db))
        (void)sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    unmask(sql);
}

int sql_commit(struct sql *sql, struct err *err)
{
    int r = sql_execute(sql, "COMMIT", err);

    if (r != 0)
        sql_rollback(sql);
    else if (sql->log_pages >= LOG_PAGES_MAX)
        sql_settle(sql);
    unmask(sql);
    return r;
}

/* Outside a transaction SQLite would begin one, and its end would be a commit of its own. */
static int within(struct sql *sql, const char *script, struct err *err)
{
    if (sqlite3_get_autocommit(sql->db))
        return err_set(err, ERR_STORE, sql->path, "the transaction has been given up");
    return sql_execute(sql, script, err);
}

int sql_mark(struct sql *sql, struct err *err)
{
    return within(sql, "SAVEPOINT part", err);
}

int sql_keep(struct sql *sql, struct err *err)
{
    return within(sql, "RELEASE part", err);
}

/* Where this fails, so does the commit: the mark is still open then, or the transaction is gone. */
void sql_undo(struct sql *sql)
{
    if (within(sql, "ROLLBACK TO part; RELEASE part", NULL) != 0)
        sql_rollback(sql);
}

int sql_execute(struct sql *sql, const char *script, struct err *err)
{
    int rc = sqlite3_exec(sql->db, script, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : fail(sql, rc, err);
}

int sql_number(struct sql *sql, const char *query, int64_t *value, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int r = 0, rc = sqlite3_prepare_v2(sql->db, query, -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else
        r = fail(sql, rc, err);
    sqlite3_finalize(statement);
    return r;
}

int sql_use(struct sql *sql, size_t index, sqlite3_stmt **statement, struct err *err)
{
    if (index >= sql->count)
        return err_set(err, ERR_RANGE, sql->path, NULL);
    if (sql->prepared[index] == NULL) {
        int rc = sqlite3_prepare_v2(sql->db, sql->queries[index], -1, &sql->prepared[index], NULL);
        if (rc != SQLITE_OK)
            return fail(sql, rc, err);
    }
    *statement = sql->prepared[index];
    return 0;
}

/* No lock and no row stays behind. */
void sql_finish(sqlite3_stmt **statement)
{
    if (*statement == NULL)
        return;
    (void)sqlite3_reset(*statement);
    (void)sqlite3_clear_bindings(*statement);
    *statement = NULL;
}

void sql_bind_number(sqlite3_stmt *statement, int at, int64_t number)
{
    (void)sqlite3_bind_int64(statement, at, number);
}

void sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

void sql_bind_blob(sqlite3_stmt *statement, int at, const void *blob, size_t length)
{
    (void)sqlite3_bind_blob64(statement, at, blob, length, SQLITE_STATIC);
}

int sql_next(struct sql *sql, sqlite3_stmt *statement, struct err *err)
{
    int rc = sqlite3_step(statement);

    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : fail(sql, rc, err);
}

int sql_run(struct sql *sql, sqlite3_stmt *statement, int *changed, struct err *err)
{
    int rc = sqlite3_step(statement);

    if (rc != SQLITE_DONE)
        return fail(sql, rc == SQLITE_ROW ? SQLITE_ERROR : rc, err);
    if (changed != NULL)
        *changed = sqlite3_changes(sql->db);
    return 0;
}

int64_t sql_inserted(const struct sql *sql)
{
    return sqlite3_last_insert_rowid(sql->db);
}

bool sql_get_number(sqlite3_stmt *statement, int at, int64_t min, int64_t max, int64_t *number)
{
    if (sqlite3_column_type(statement, at) != SQLITE_INTEGER)
        return false;
    int64_t got = sqlite3_column_int64(statement, at);
    if (got < min || got > max)
        return false;
    *number = got;
    return true;
}

bool sql_get_text(sqlite3_stmt *statement, int at, char *text, size_t size)
{
    if (sqlite3_column_type(statement, at) != SQLITE_TEXT)
        return false;
    const char *got = (const char *)sqlite3_column_text(statement, at);
    size_t length = (size_t)sqlite3_column_bytes(statement, at);
    if (got == NULL || length >= size || strlen(got) != length)
        return false;
    memcpy(text, got, length + 1);
    return true;
}

bool sql_get_blob(sqlite3_stmt *statement, int at, uint8_t *blob, size_t size, size_t *length)
{
    if (sqlite3_column_type(statement, at) != SQLITE_BLOB)
        return false;
    const void *got = sqlite3_column_blob(statement, at);
    size_t bytes = (size_t)sqlite3_column_bytes(statement, at);
    if (got == NULL || bytes > size)
        return false;
    memcpy(blob, got, bytes);
    *length = bytes;
    return true;
}
