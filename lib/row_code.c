/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes sent by e-mail. */
#include "config.h"

#include "row.h"

#include <string.h>

static const char *const purposes[MAIL_PURPOSES] = {
    [MAIL_LOGIN] = "login",
    [MAIL_RECOVERY] = "recovery",
};

static struct mail_code *find_purpose(struct account *account, const char *word)
{
    for (size_t i = 0; i < MAIL_PURPOSES; i++)
        if (strcmp(purposes[i], word) == 0)
            return &account->codes[i];
    return NULL;
}

static bool read_code(struct sqlite3_stmt *stmt, struct account *account)
{
    char purpose[16] = "";
    int64_t tries = 0;
    size_t length = 0;

    if (!sql_get_text(stmt, 0, purpose, sizeof(purpose)))
        return false;
    struct mail_code *code = find_purpose(account, purpose);
    if (code == NULL || !sql_get_number(stmt, 1, 0, INT64_MAX, &code->device) ||
        !sql_get_number(stmt, 2, 1, ACCOUNT_LOCKED_FOR_EVER, &code->sent) ||
        !sql_get_number(stmt, 3, 0, ACCOUNT_LOCKED_FOR_EVER, &code->expires) ||
        !sql_get_number(stmt, 4, 0, ACCOUNT_MAIL_TRIES, &tries) ||
        !sql_get_text(stmt, 5, code->key_id, sizeof(code->key_id)) ||
        !sql_get_blob(stmt, 6, code->digest, sizeof(code->digest), &length))
        return false;
    code->tries = (unsigned)tries;
    return length == sizeof(code->digest);
}

int row_code_find(struct sql *sql, struct account *account, struct err *err)
{
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_CODE_FIND, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account->id);
    while ((r = sql_next(sql, stmt, err)) > 0)
        if (!read_code(stmt, account))
            return row_corrupt(sql, "e-mailed code", err);
    return r;
}

int row_code_put(void *context, int64_t account, enum mail_purpose purpose,
                 const struct mail_code *code, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_CODE_PUT, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, purposes[purpose]);
    sql_bind_number(stmt, 3, code->device);
    sql_bind_number(stmt, 4, code->sent);
    sql_bind_number(stmt, 5, code->expires);
    sql_bind_number(stmt, 6, code->tries);
    sql_bind_text(stmt, 7, code->key_id);
    sql_bind_blob(stmt, 8, code->digest, sizeof(code->digest));
    return row_run_one(sql, stmt, err);
}

int row_code_delete(void *context, int64_t account, enum mail_purpose purpose, struct err *err)
{
    struct sql *sql = context;
    struct sqlite3_stmt *stmt CLEANUP(sql_finish) = NULL;
    int r = sql_use(sql, QUERY_CODE_DELETE, &stmt, err);
    if (r != 0)
        return r;
    sql_bind_number(stmt, 1, account);
    sql_bind_text(stmt, 2, purposes[purpose]);
    return row_run_one(sql, stmt, err);
}
