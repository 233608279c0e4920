/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts, devices, backup tokens. */
#include "config.h"

#include "row.h"

#include "text.h"

#include <limits.h>
#include <string.h>

/* --- reading ---------------------------------------------------------------------------------- */

static const char *read_account(struct sqlite3_stmt *stmt, struct account *account)
{
    char role[16] = "";
    int64_t enabled = 0, closed = 0, failures = 0, issued = 0, expired = 0, mailed = 0;

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
    if (!sql_get_number(stmt, 12, 0, 1, &expired))
        return "password's state";
    if (!sql_get_number(stmt, 13, 0, 1, &mailed))
        return "backup tokens";
    account->tokens_mailed = mailed != 0;
    account->password_expired = expired != 0;
    account->enabled = enabled != 0;
    account->closed = closed != 0;
    account->failures = (unsigned)failures;
    account->tokens_issued = (unsigned)issued;
    return NULL;
}

static const char *read_device(struct sqlite3_stmt *stmt, struct device *device)
{
    char type[16] = "", state[16] = "", algorithm[16] = "";
    int64_t digits = 0, period = 0, at_login = 0;

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
        !sql_get_number(stmt, 9, INT32_MIN, INT32_MAX, &device->drift))
        return "device state";
    if (!sql_get_number(stmt, 10, 0, INT64_MAX, &device->created) ||
        !sql_get_number(stmt, 11, ACCOUNT_NEVER, INT64_MAX, &device->last_used))
        return "device time";
    if (!sql_get_text(stmt, 12, device->sealed.key_id, sizeof(device->sealed.key_id)) ||
        !sql_get_blob(stmt, 13, device->sealed.bytes, sizeof(device->sealed.bytes),
                      &device->sealed.length))
        return "sealed secret";
    if (!sql_get_number(stmt, 14, -ACCOUNT_OFFSET_MAX, ACCOUNT_OFFSET_MAX, &device->offset) ||
        !sql_get_number(stmt, 15, 0, 1, &at_login))
        return "device state";
    device->at_login = at_login != 0;
    device->digits = (unsigned)digits;
    device->period = (unsigned)period;
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
            return row_corrupt(sql, "number of devices", err);
        const char *wrong = read_device(stmt, &account->devices[account->device_count]);
        if (wrong != NULL)
            return row_corrupt(sql, wrong, err);
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
            return row_corrupt(sql, "number of backup tokens", err);
        struct token *token = &account->tokens[account->token_count];
        size_t length = 0;
        if (!sql_get_text(stmt, 0, token->key_id, sizeof(token->key_id)) ||
            !sql_get_blob(stmt, 1, token->digest, sizeof(token->digest), &length) ||
            length != sizeof(token->digest))
            return row_corrupt(sql, "backup token", err);
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
    return wrong == NULL ? 0 : row_corrupt(sql, wrong, err);
}

int row_account_find(void *context, const char *name, struct account *account, struct err *err)
{
    struct sql *sql = context;

    account_init(account, "");
    int r = account_row(sql, name, account, err);
    if (r == 0)
        r = find_devices(sql, account, err);
    if (r == 0)
        r = find_tokens(sql, account, err);
    if (r == 0)
        r = row_code_find(sql, account, err);
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
int row_account_each(void *context, backend_account_visitor *visit, void *visitor, struct err *err)
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
            r = row_account_find(sql, name, &account, told);
        else
            r = row_corrupt(sql, "name", told);
        if (r == ERR_STORE_CORRUPT)
            unreadable = r;
        else if (r != 0 || (r = visit(visitor, &account)) != 0)
            return r;
    }
    return more < 0 ? more : unreadable;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Parameters 1 to 13, the same for insert and update. */
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
    sql_bind_number(stmt, 12, account->password_expired);
    sql_bind_number(stmt, 13, account->tokens_mailed);
}

int row_account_insert(void *context, struct account *account, struct err *err)
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

int row_account_update(void *context, const struct account *account, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_ACCOUNT_UPDATE, &stmt, err);
    if (r != 0)
        return r;
    bind_account(stmt, account);
    sql_bind_number(stmt, 14, account->id);
    return row_run_one(sql, stmt, err);
}

int row_account_delete(void *context, const char *name, struct err *err)
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

/* Parameters 1 to 17, the same for insert and update. */
static int write_device(struct sql *sql, enum row_query which, int64_t account,
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
    sql_bind_number(stmt, 14, device->offset);
    sql_bind_number(stmt, 15, device->at_login);
    sql_bind_number(stmt, 16, account);
    sql_bind_number(stmt, 17, device->id);
    return row_run_one(sql, stmt, err);
}

int row_device_insert(void *context, int64_t account, const struct device *device, struct err *err)
{
    return write_device(context, QUERY_DEVICE_INSERT, account, device, err);
}

int row_device_update(void *context, int64_t account, const struct device *device, struct err *err)
{
    return write_device(context, QUERY_DEVICE_UPDATE, account, device, err);
}

int row_device_delete(void *context, int64_t account, int64_t device, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_DEVICE_DELETE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_number(stmt, 2, device);
    return row_run_one(sql, stmt, err);
}

static int write_token(struct sql *sql, enum row_query which, int64_t account,
                       const struct token *token, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, which, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, token->key_id);
    sql_bind_blob(stmt, 3, token->digest, sizeof(token->digest));
    return row_run_one(sql, stmt, err);
}

int row_token_insert(void *context, int64_t account, const struct token *token, struct err *err)
{
    return write_token(context, QUERY_TOKEN_INSERT, account, token, err);
}

int row_token_delete(void *context, int64_t account, const struct token *token, struct err *err)
{
    return write_token(context, QUERY_TOKEN_DELETE, account, token, err);
}
