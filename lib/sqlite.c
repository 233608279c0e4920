/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in back end, on SQLite: opening, and transactions. */
#include "config.h"

#include "backend.h"
#include "file.h"
#include "row.h"
#include "schema.h"
#include "sql.h"

static int no_store(const char *path, struct err *err)
{
    return err_set(err, ERR_FILE_MISSING, path, "there is no store: run 'totpctl init' as root");
}

/* The directory and the file are ours alone before SQLite opens them by name; with create, both
 * exist then. */
static int check_files(const char *path, enum backend_mode mode, struct err *err)
{
    char directory[ERR_WHERE_SIZE] = "";

    if (path[0] != '/')
        return err_set(err, ERR_INVALID, path, "the store's path must begin with '/'");
    if (file_dirname(path, directory, sizeof(directory)) != 0)
        return err_set(err, ERR_TOO_LONG, path, NULL);
    int r = mode == BACKEND_CREATE ? file_make_dir(directory, 0700, NULL, err)
                                   : file_check_dir(directory, FILE_PRIVATE, err);
    if (r == ERR_FILE_MISSING)
        return no_store(path, err);
    if (r != 0)
        return r;
    if (mode == BACKEND_CREATE) {
        r = file_write(path, 0600, false, "", 0, err);
        if (r != 0 && r != ERR_EXISTS)
            return r;
    }
    r = file_check(path, FILE_PRIVATE, err);
    return r == ERR_FILE_MISSING ? no_store(path, err) : r;
}

static int open_handle(const char *path, enum backend_mode mode, bool *created, void **out,
                       struct err *err)
{
    int r = check_files(path, mode, err);
    if (r != 0)
        return r;
    struct sql *sql = NULL;
    r = sql_open(path, row_queries, QUERY_COUNT, &sql, err);
    if (r != 0)
        return r;
    r = schema_check(sql, mode, created, err);
    if (r != 0) {
        sql_close(sql);
        return r;
    }
    *out = sql;
    return 0;
}

static void close_handle(void *context)
{
    sql_close(context);
}

static int read_mark(struct sql *sql, enum row_query query, int64_t *mark, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, query, &stmt, err);
    if (r != 0)
        return r;
    r = sql_next(sql, stmt, err);
    if (r > 0 && !sql_get_number(stmt, 0, INT32_MIN, INT32_MAX, mark))
        return row_corrupt(sql, "version", err);
    return r < 0 ? r : 0;
}

static int begin(void *context, bool write, struct err *err)
{
    int64_t application = 0, version = 0;

    int r = sql_begin(context, write, err);
    if (r != 0)
        return r;
    r = read_mark(context, QUERY_APPLICATION, &application, err);
    if (r == 0)
        r = read_mark(context, QUERY_VERSION, &version, err);
    if (r == 0)
        r = schema_judge(context, application, version, err);
    if (r != 0)
        sql_rollback(context);
    return r;
}

static int commit(void *context, struct err *err)
{
    return sql_commit(context, err);
}

static void rollback(void *context)
{
    sql_rollback(context);
}

static int mark(void *context, struct err *err)
{
    return sql_mark(context, err);
}

static int keep(void *context, struct err *err)
{
    return sql_keep(context, err);
}

static void undo(void *context)
{
    sql_undo(context);
}

static void settle(void *context)
{
    sql_settle(context);
}

const struct backend backend_sqlite = {
    .scheme = "sqlite",
    .open = open_handle,
    .close = close_handle,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .mark = mark,
    .keep = keep,
    .undo = undo,
    .settle = settle,
    .account_find = row_account_find,
    .account_each = row_account_each,
    .account_insert = row_account_insert,
    .account_update = row_account_update,
    .account_delete = row_account_delete,
    .device_insert = row_device_insert,
    .device_update = row_device_update,
    .device_delete = row_device_delete,
    .token_insert = row_token_insert,
    .token_delete = row_token_delete,
    .code_put = row_code_put,
    .code_delete = row_code_delete,
    .ticket_find = row_ticket_find,
    .ticket_put = row_ticket_put,
    .ticket_clear = row_ticket_clear,
    .event_insert = row_event_insert,
    .event_prune = row_event_prune,
    .event_each = row_event_each,
};
