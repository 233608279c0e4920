/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "schema.h"

#include "err.h"

#include <stdio.h>

#define APPLICATION_ID 0x546f7470 /* "Totp" */
#define SCHEMA_VERSION ((int)ARRAY_SIZE(migrations))

/* migrations[n] brings user_version n to n + 1. Never edited once released. */
static const char *const migrations[] = {
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " email TEXT NOT NULL, full_name TEXT NOT NULL, password TEXT NOT NULL, role TEXT NOT NULL,"
    " enabled INTEGER NOT NULL, closed INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " locked_until INTEGER NOT NULL, tokens_issued INTEGER NOT NULL, created INTEGER NOT NULL);"
    "CREATE TABLE device ("
    " id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " label TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL, algorithm TEXT NOT NULL,"
    " digits INTEGER NOT NULL, period INTEGER NOT NULL, last_step INTEGER NOT NULL,"
    " counter INTEGER NOT NULL, drift INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL, key_id TEXT NOT NULL, sealed BLOB NOT NULL);"
    "CREATE INDEX device_account ON device (account);"
    "CREATE TABLE backup_token ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " digest BLOB NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (account, digest)) WITHOUT ROWID;"
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, action TEXT NOT NULL,"
    " user TEXT NOT NULL, service TEXT NOT NULL, rhost TEXT NOT NULL, tty TEXT NOT NULL,"
    " verdict TEXT NOT NULL, method TEXT NOT NULL, device TEXT NOT NULL, actor TEXT NOT NULL);",
    "ALTER TABLE account ADD COLUMN password_expired INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN time_offset INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN at_login INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE ticket ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " service TEXT NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY (account, service, origin)) WITHOUT ROWID;",
    "CREATE TABLE mail_code ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " purpose TEXT NOT NULL, device INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, tries INTEGER NOT NULL, key_id TEXT NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (account, purpose)) WITHOUT ROWID;"
    "ALTER TABLE account ADD COLUMN tokens_mailed INTEGER NOT NULL DEFAULT 0;",
};

/* What the file says it is, seen at one moment: somebody else may be making it. */
struct schema {
    int64_t application, version, tables;
};

static int read_schema(struct sql *sql, struct schema *schema, struct err *err)
{
    int r = sql_number(sql, "PRAGMA application_id", &schema->application, err);

    if (r == 0)
        r = sql_number(sql, "PRAGMA user_version", &schema->version, err);
    if (r == 0)
        r = sql_number(sql, "SELECT count(*) FROM sqlite_master", &schema->tables, err);
    return r;
}

static bool is_empty(const struct schema *schema)
{
    return schema->application == 0 && schema->version == 0 && schema->tables == 0;
}

/* 0 when the store is ours and not newer than we are. */
static int judge_schema(const struct sql *sql, const struct schema *schema, enum backend_mode mode,
                        struct err *err)
{
    if (is_empty(schema) && mode == BACKEND_CREATE)
        return 0;
    if (is_empty(schema))
        return err_set(err, ERR_STORE_SCHEMA, sql_path(sql),
                       "this is not a store yet: run 'totpctl init' as root. If it is a copy, it "
                       "was made without the -wal file beside it: copy both");
    if (schema->application != APPLICATION_ID)
        return err_set(err, ERR_STORE_SCHEMA, sql_path(sql),
                       "this database belongs to another program: name another path in 'store'");
    if (schema->version < 1)
        return err_set(err, ERR_STORE_SCHEMA, sql_path(sql),
                       "the store is marked as of no version: restore a copy");
    if (schema->version > SCHEMA_VERSION)
        return err_set(err, ERR_STORE_NEWER, sql_path(sql),
                       "the store was made by a newer version: install that version here too");
    return 0;
}

static int migrate(struct sql *sql, int64_t version, struct err *err)
{
    char pragma[80] = "";
    int r = 0;

    for (int64_t n = version; r == 0 && n < SCHEMA_VERSION; n++)
        r = sql_execute(sql, migrations[n], err);
    if (r != 0)
        return r;
    snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    return sql_execute(sql, pragma, err);
}

/* Looks again inside the write transaction: another process may have been faster. */
static int bring_up_to_date(struct sql *sql, enum backend_mode mode, bool *created, struct err *err)
{
    struct schema schema = {0};

    int r = sql_begin(sql, true, err);
    if (r != 0)
        return r;
    r = read_schema(sql, &schema, err);
    if (r == 0)
        r = judge_schema(sql, &schema, mode, err);
    if (r == 0 && schema.version < SCHEMA_VERSION)
        r = migrate(sql, schema.version, err);
    if (r != 0) {
        sql_rollback(sql);
        return r;
    }
    r = sql_commit(sql, err);
    if (r != 0)
        return r;
    sql_settle(sql);
    if (created != NULL)
        *created = is_empty(&schema);
    return 0;
}

int schema_check(struct sql *sql, enum backend_mode mode, bool *created, struct err *err)
{
    struct schema schema = {0};

    int r = sql_begin(sql, false, err);
    if (r == 0)
        r = read_schema(sql, &schema, err);
    sql_rollback(sql);
    if (r == 0)
        r = judge_schema(sql, &schema, mode, err);
    if (r != 0 || schema.version == SCHEMA_VERSION)
        return r;
    if (is_empty(&schema) && (r = sql_execute(sql, "PRAGMA journal_mode = WAL", err)) != 0)
        return r;
    return bring_up_to_date(sql, mode, created, err);
}

int schema_judge(const struct sql *sql, int64_t application, int64_t version, struct err *err)
{
    const struct schema schema = {.application = application, .version = version, .tables = 1};

    return judge_schema(sql, &schema, BACKEND_EXISTING, err);
}
