/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in back end, on SQLite: rows and what they may hold. The file's bytes are no
 * more trusted than anything else from outside. */
#include "config.h"

#include "backend.h"
#include "file.h"
#include "schema.h"
#include "sql.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum query {
    QUERY_APPLICATION,
    QUERY_VERSION,
    QUERY_ACCOUNT_FIND,
    QUERY_ACCOUNT_NAMES,
    QUERY_ACCOUNT_INSERT,
    QUERY_ACCOUNT_UPDATE,
    QUERY_ACCOUNT_DELETE,
    QUERY_DEVICE_FIND,
    QUERY_DEVICE_INSERT,
    QUERY_DEVICE_UPDATE,
    QUERY_DEVICE_DELETE,
    QUERY_TOKEN_FIND,
    QUERY_TOKEN_INSERT,
    QUERY_TOKEN_DELETE,
    QUERY_EVENT_INSERT,
    QUERY_EVENT_PRUNE,
    QUERY_EVENT_EACH,
    QUERY_COUNT
};

static const char *const queries[QUERY_COUNT] = {
    [QUERY_APPLICATION] = "PRAGMA application_id",
    [QUERY_VERSION] = "PRAGMA user_version",
    [QUERY_ACCOUNT_FIND] =
        "SELECT id, name, email, full_name, password, role, enabled, closed, failures,"
        " locked_until, tokens_issued, created FROM account WHERE name = ?",
    [QUERY_ACCOUNT_NAMES] = "SELECT name FROM account ORDER BY name",
    [QUERY_ACCOUNT_INSERT] =
        "INSERT INTO account (name, email, full_name, password, role, enabled, closed, failures,"
        " locked_until, tokens_issued, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_ACCOUNT_UPDATE] =
        "UPDATE account SET email = ?2, full_name = ?3, password = ?4, role = ?5, enabled = ?6,"
        " closed = ?7, failures = ?8, locked_until = ?9, tokens_issued = ?10, created = ?11"
        " WHERE name = ?1 AND id = ?12",
    [QUERY_ACCOUNT_DELETE] = "DELETE FROM account WHERE name = ?",
    [QUERY_DEVICE_FIND] =
        "SELECT id, label, type, state, algorithm, digits, period, last_step, counter, drift,"
        " created, last_used, key_id, sealed FROM device WHERE account = ? ORDER BY created, id",
    [QUERY_DEVICE_INSERT] =
        "INSERT INTO device (label, type, state, algorithm, digits, period, last_step, counter,"
        " drift, created, last_used, key_id, sealed, account, id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_DEVICE_UPDATE] =
        "UPDATE device SET label = ?, type = ?, state = ?, algorithm = ?, digits = ?, period = ?,"
        " last_step = ?, counter = ?, drift = ?, created = ?, last_used = ?, key_id = ?,"
        " sealed = ? WHERE account = ? AND id = ?",
    [QUERY_DEVICE_DELETE] = "DELETE FROM device WHERE account = ? AND id = ?",
    [QUERY_TOKEN_FIND] = "SELECT key_id, digest FROM backup_token WHERE account = ?",
    [QUERY_TOKEN_INSERT] = "INSERT INTO backup_token (account, key_id, digest) VALUES (?, ?, ?)",
    [QUERY_TOKEN_DELETE] =
        "DELETE FROM backup_token WHERE account = ? AND key_id = ? AND digest = ?",
    [QUERY_EVENT_INSERT] =
        "INSERT INTO event (time, action, user, service, rhost, tty, verdict, method, device,"
        " actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_EVENT_PRUNE] =
        "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ?2) AND time < ?1",
    [QUERY_EVENT_EACH] =
        "SELECT id, time, action, user, service, rhost, tty, verdict, method, device, actor"
        " FROM event WHERE id > ?1 AND time >= ?2 AND (?3 IS NULL OR user = ?3)"
        " AND (?4 IS NULL OR service = ?4) AND (?5 IS NULL OR verdict = ?5) ORDER BY id",
};

static int corrupt(const struct sql *sql, const char *what, struct err *err)
{
    return err_set(err, ERR_STORE_CORRUPT, sql_path(sql),
                   "the store holds a record whose %s cannot be right: restore a copy, or remove "
                   "the account and enrol it again",
                   what);
}

/* Runs a statement that must change exactly one row. */
static int run_one(struct sql *sql, struct sqlite3_stmt *stmt, struct err *err)
{
    int changed = 0;
    int r = sql_run(sql, stmt, &changed, err);

    if (r != 0)
        return r;
    return changed == 1 ? 0 : corrupt(sql, "row is gone", err);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const char *read_account(struct sqlite3_stmt *stmt, struct account *account)
{
    char role[16] = "";
    int64_t enabled = 0, closed = 0, failures = 0, issued = 0;

    if (!sql_get_number(stmt, 0, 1, INT64_MAX, &account->id) ||
        !sql_get_text(stmt, 1, account->name, sizeof(account->name)))
        return "name";
    if (!sql_get_text(stmt, 2, account->email, sizeof(account->email)) ||
        !sql_get_text(stmt, 3, account->full_name, sizeof(account->full_name)))
        return "address";
    if (!sql_get_text(stmt, 4, account->password, sizeof(account->password)))
        return "password";
    if (!sql_get_text(stmt, 5, role, sizeof(role)) || account_role_parse(role, &account->role) != 0)
        return "role";
    if (!sql_get_number(stmt, 6, 0, 1, &enabled) || !sql_get_number(stmt, 7, 0, 1, &closed))
        return "state";
    if (!sql_get_number(stmt, 8, 0, UINT_MAX, &failures) ||
        !sql_get_number(stmt, 9, 0, ACCOUNT_LOCKED_FOR_EVER, &account->locked_until))
        return "failure count";
    if (!sql_get_number(stmt, 10, 0, ACCOUNT_TOKENS_MAX, &issued) ||
        !sql_get_number(stmt, 11, 0, INT64_MAX, &account->created))
        return "creation";
    account->enabled = enabled != 0;
    account->closed = closed != 0;
    account->failures = (unsigned)failures;
    account->tokens_issued = (unsigned)issued;
    return NULL;
}

static const char *read_device(struct sqlite3_stmt *stmt, struct device *device)
{
    char type[16] = "", state[16] = "", algorithm[16] = "";
    int64_t digits = 0, period = 0, drift = 0;

    if (!sql_get_number(stmt, 0, 1, INT64_MAX, &device->id) ||
        !sql_get_text(stmt, 1, device->label, sizeof(device->label)))
        return "device label";
    if (!sql_get_text(stmt, 2, type, sizeof(type)) || device_type_parse(type, &device->type) != 0 ||
        !sql_get_text(stmt, 3, state, sizeof(state)) ||
        device_state_parse(state, &device->state) != 0 ||
        !sql_get_text(stmt, 4, algorithm, sizeof(algorithm)) ||
        otp_algorithm_parse(algorithm, &device->algorithm) != 0)
        return "device type";
    if (!sql_get_number(stmt, 5, 0, INT_MAX, &digits) ||
        !sql_get_number(stmt, 6, 0, INT_MAX, &period) ||
        !sql_get_number(stmt, 7, ACCOUNT_NEVER, INT64_MAX, &device->last_step) ||
        !sql_get_number(stmt, 8, 0, INT64_MAX, &device->counter) ||
        !sql_get_number(stmt, 9, INT32_MIN, INT32_MAX, &drift))
        return "device state";
    if (!sql_get_number(stmt, 10, 0, INT64_MAX, &device->created) ||
        !sql_get_number(stmt, 11, ACCOUNT_NEVER, INT64_MAX, &device->last_used))
        return "device time";
    if (!sql_get_text(stmt, 12, device->sealed.key_id, sizeof(device->sealed.key_id)) ||
        !sql_get_blob(stmt, 13, device->sealed.bytes, sizeof(device->sealed.bytes),
                      &device->sealed.length))
        return "sealed secret";
    device->digits = (unsigned)digits;
    device->period = (unsigned)period;
    device->drift = (int32_t)drift;
    return NULL;
}

static int find_devices(struct sql *sql, struct account *account, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_DEVICE_FIND, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account->id);
    while ((r = sql_next(sql, stmt, err)) > 0) {
        if (account->device_count == ACCOUNT_DEVICES_MAX)
            return corrupt(sql, "number of devices", err);
        const char *wrong = read_device(stmt, &account->devices[account->device_count]);
        if (wrong != NULL)
            return corrupt(sql, wrong, err);
        account->device_count++;
    }
    return r;
}

static int find_tokens(struct sql *sql, struct account *account, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_TOKEN_FIND, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account->id);
    while ((r = sql_next(sql, stmt, err)) > 0) {
        if (account->token_count == ACCOUNT_TOKENS_MAX)
            return corrupt(sql, "number of backup tokens", err);
        struct token *token = &account->tokens[account->token_count];
        size_t length = 0;
        if (!sql_get_text(stmt, 0, token->key_id, sizeof(token->key_id)) ||
            !sql_get_blob(stmt, 1, token->digest, sizeof(token->digest), &length) ||
            length != sizeof(token->digest))
            return corrupt(sql, "backup token", err);
        account->token_count++;
    }
    return r;
}

static int account_row(struct sql *sql, const char *name, struct account *account, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_FIND, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_text(stmt, 1, name);
    r = sql_next(sql, stmt, err);
    if (r <= 0)
        return r < 0 ? r : err_set(err, ERR_NOT_FOUND, name, NULL);
    const char *wrong = read_account(stmt, account);
    /* The index and the row may disagree in a damaged file: another's row is not an answer. */
    if (wrong == NULL && strcmp(account->name, name) != 0)
        wrong = "name";
    return wrong == NULL ? 0 : corrupt(sql, wrong, err);
}

static int account_find(void *context, const char *name, struct account *account, struct err *err)
{
    struct sql *sql = context;

    account_init(account, "");
    int r = account_row(sql, name, account, err);
    if (r == 0)
        r = find_devices(sql, account, err);
    if (r == 0)
        r = find_tokens(sql, account, err);
    if (r == 0)
        r = account_validate(account, err);
    if (r == ERR_STORE_CORRUPT && err != NULL)
        text_cut(err->where, sizeof(err->where), name);
    if (r != 0)
        account_clear(account);
    return r;
}

/* A record that cannot be read does not hide the others; it is the result once they have been seen.
 */
static int account_each(void *context, backend_account_visitor *visit, void *visitor,
                        struct err *err)
{
    struct sql *sql = context;
    struct account account CLEANUP(account_clear) = {0};
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_NAMES, &stmt, err);
    if (r != 0)
        return r;
    int more, unreadable = 0;
    while ((more = sql_next(sql, stmt, err)) > 0) {
        char name[ACCOUNT_NAME_SIZE] = "";
        struct err *told = unreadable == 0 ? err : NULL;
        if (sql_get_text(stmt, 0, name, sizeof(name)))
            r = account_find(sql, name, &account, told);
        else
            r = corrupt(sql, "name", told);
        if (r == ERR_STORE_CORRUPT)
            unreadable = r;
        else if (r != 0 || (r = visit(visitor, &account)) != 0)
            return r;
    }
    return more < 0 ? more : unreadable;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Parameters 1 to 11, the same for insert and update. */
static void bind_account(struct sqlite3_stmt *stmt, const struct account *account)
{
    sql_bind_text(stmt, 1, account->name);
    sql_bind_text(stmt, 2, account->email);
    sql_bind_text(stmt, 3, account->full_name);
    sql_bind_text(stmt, 4, account->password);
    sql_bind_text(stmt, 5, account_role_name(account->role));
    sql_bind_number(stmt, 6, account->enabled);
    sql_bind_number(stmt, 7, account->closed);
    sql_bind_number(stmt, 8, account->failures);
    sql_bind_number(stmt, 9, account->locked_until);
    sql_bind_number(stmt, 10, account->tokens_issued);
    sql_bind_number(stmt, 11, account->created);
}

static int account_insert(void *context, struct account *account, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_INSERT, &stmt, err);
    if (r != 0)
        return r;
    bind_account(stmt, account);
    r = sql_run(sql, stmt, NULL, err);
    if (r == ERR_EXISTS)
        return err_set(err, r, account->name, NULL);
    if (r == 0)
        account->id = sql_inserted(sql);
    return r;
}

static int account_update(void *context, const struct account *account, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_UPDATE, &stmt, err);
    if (r != 0)
        return r;
    bind_account(stmt, account);
    sql_bind_number(stmt, 12, account->id);
    return run_one(sql, stmt, err);
}

static int account_delete(void *context, const char *name, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_DELETE, &stmt, err);
    if (r != 0)
        return r;
    int changed = 0;
    sql_bind_text(stmt, 1, name);
    r = sql_run(sql, stmt, &changed, err);
    if (r == 0 && changed == 0)
        return err_set(err, ERR_NOT_FOUND, name, NULL);
    return r;
}

/* Parameters 1 to 15, the same for insert and update. */
static int write_device(struct sql *sql, enum query which, int64_t account,
                        const struct device *device, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, which, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_text(stmt, 1, device->label);
    sql_bind_text(stmt, 2, device_type_name(device->type));
    sql_bind_text(stmt, 3, device_state_name(device->state));
    sql_bind_text(stmt, 4, otp_algorithm_name(device->algorithm));
    sql_bind_number(stmt, 5, device->digits);
    sql_bind_number(stmt, 6, device->period);
    sql_bind_number(stmt, 7, device->last_step);
    sql_bind_number(stmt, 8, device->counter);
    sql_bind_number(stmt, 9, device->drift);
    sql_bind_number(stmt, 10, device->created);
    sql_bind_number(stmt, 11, device->last_used);
    sql_bind_text(stmt, 12, device->sealed.key_id);
    sql_bind_blob(stmt, 13, device->sealed.bytes, device->sealed.length);
    sql_bind_number(stmt, 14, account);
    sql_bind_number(stmt, 15, device->id);
    return run_one(sql, stmt, err);
}

static int device_insert(void *context, int64_t account, const struct device *device,
                         struct err *err)
{
    return write_device(context, QUERY_DEVICE_INSERT, account, device, err);
}

static int device_update(void *context, int64_t account, const struct device *device,
                         struct err *err)
{
    return write_device(context, QUERY_DEVICE_UPDATE, account, device, err);
}

static int device_delete(void *context, int64_t account, int64_t device, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_DEVICE_DELETE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_number(stmt, 2, device);
    return run_one(sql, stmt, err);
}

static int write_token(struct sql *sql, enum query which, int64_t account,
                       const struct token *token, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, which, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, token->key_id);
    sql_bind_blob(stmt, 3, token->digest, sizeof(token->digest));
    return run_one(sql, stmt, err);
}

static int token_insert(void *context, int64_t account, const struct token *token, struct err *err)
{
    return write_token(context, QUERY_TOKEN_INSERT, account, token, err);
}

static int token_delete(void *context, int64_t account, const struct token *token, struct err *err)
{
    return write_token(context, QUERY_TOKEN_DELETE, account, token, err);
}

static int event_insert(void *context, const struct event *event, struct err *err)
{
    struct sql *sql = context;
    const char *const texts[] = {event->action, event->user,   event->service,
                                 event->rhost,  event->tty,    event->verdict,
                                 event->method, event->device, event->actor};
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_INSERT, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, event->time);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        sql_bind_text(stmt, (int)i + 2, texts[i]);
    return run_one(sql, stmt, err);
}

static int event_prune(void *context, int64_t before, unsigned most, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_PRUNE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, before);
    sql_bind_number(stmt, 2, most);
    return sql_run(sql, stmt, NULL, err);
}

static bool read_event(struct sqlite3_stmt *stmt, struct event *event)
{
    const struct {
        char *out;
        size_t size;
    } texts[] = {{event->action, sizeof(event->action)},   {event->user, sizeof(event->user)},
                 {event->service, sizeof(event->service)}, {event->rhost, sizeof(event->rhost)},
                 {event->tty, sizeof(event->tty)},         {event->verdict, sizeof(event->verdict)},
                 {event->method, sizeof(event->method)},   {event->device, sizeof(event->device)},
                 {event->actor, sizeof(event->actor)}};

    if (!sql_get_number(stmt, 0, 1, INT64_MAX, &event->id) ||
        !sql_get_number(stmt, 1, 0, INT64_MAX, &event->time))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!sql_get_text(stmt, (int)i + 2, texts[i].out, texts[i].size))
            return false;
    return true;
}

static int event_each(void *context, const struct backend_filter *filter,
                      backend_event_visitor *visit, void *visitor, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_EVENT_EACH, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, filter->after_id);
    sql_bind_number(stmt, 2, filter->since);
    sql_bind_text(stmt, 3, filter->user);
    sql_bind_text(stmt, 4, filter->service);
    sql_bind_text(stmt, 5, filter->verdict);
    int more;
    while ((more = sql_next(sql, stmt, err)) > 0) {
        struct event event = {0};
        if (!read_event(stmt, &event))
            return corrupt(sql, "event", err);
        r = visit(visitor, &event);
        if (r != 0)
            return r;
    }
    return r;
}

/* --- opening ---------------------------------------------------------------------------------- */

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
    r = sql_open(path, queries, QUERY_COUNT, &sql, err);
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

static int read_mark(struct sql *sql, enum query query, int64_t *mark, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, query, &stmt, err);
    if (r != 0)
        return r;
    r = sql_next(sql, stmt, err);
    if (r > 0 && !sql_get_number(stmt, 0, INT32_MIN, INT32_MAX, mark))
        return corrupt(sql, "version", err);
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
    .account_find = account_find,
    .account_each = account_each,
    .account_insert = account_insert,
    .account_update = account_update,
    .account_delete = account_delete,
    .device_insert = device_insert,
    .device_update = device_update,
    .device_delete = device_delete,
    .token_insert = token_insert,
    .token_delete = token_delete,
    .event_insert = event_insert,
    .event_prune = event_prune,
    .event_each = event_each,
};
