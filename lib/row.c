/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "row.h"

const char *const row_queries[QUERY_COUNT] = {
    [QUERY_APPLICATION] = "PRAGMA application_id",
    [QUERY_VERSION] = "PRAGMA user_version",
    [QUERY_ACCOUNT_FIND] =
        "SELECT id, name, email, full_name, password, role, enabled, closed, failures,"
        " locked_until, tokens_issued, created, password_expired, tokens_mailed FROM account WHERE "
        "name = ?",
    [QUERY_ACCOUNT_NAMES] = "SELECT name FROM account ORDER BY name",
    [QUERY_ACCOUNT_INSERT] =
        "INSERT INTO account (name, email, full_name, password, role, enabled, closed, failures,"
        " locked_until, tokens_issued, created, password_expired, tokens_mailed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_ACCOUNT_UPDATE] =
        "UPDATE account SET email = ?2, full_name = ?3, password = ?4, role = ?5, enabled = ?6,"
        " closed = ?7, failures = ?8, locked_until = ?9, tokens_issued = ?10, created = ?11,"
        " password_expired = ?12, tokens_mailed = ?13 WHERE name = ?1 AND id = ?14",
    [QUERY_ACCOUNT_DELETE] = "DELETE FROM account WHERE name = ?",
    [QUERY_DEVICE_FIND] =
        "SELECT id, label, type, state, algorithm, digits, period, last_step, counter, drift,"
        " created, last_used, key_id, sealed, time_offset, at_login FROM device"
        " WHERE account = ? ORDER BY created, id",
    [QUERY_DEVICE_INSERT] =
        "INSERT INTO device (label, type, state, algorithm, digits, period, last_step, counter,"
        " drift, created, last_used, key_id, sealed, time_offset, at_login, account, id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_DEVICE_UPDATE] =
        "UPDATE device SET label = ?, type = ?, state = ?, algorithm = ?, digits = ?, period = ?,"
        " last_step = ?, counter = ?, drift = ?, created = ?, last_used = ?, key_id = ?,"
        " sealed = ?, time_offset = ?, at_login = ? WHERE account = ? AND id = ?",
    [QUERY_DEVICE_DELETE] = "DELETE FROM device WHERE account = ? AND id = ?",
    [QUERY_TOKEN_FIND] = "SELECT key_id, digest FROM backup_token WHERE account = ?",
    [QUERY_TOKEN_INSERT] = "INSERT INTO backup_token (account, key_id, digest) VALUES (?, ?, ?)",
    [QUERY_TOKEN_DELETE] =
        "DELETE FROM backup_token WHERE account = ? AND key_id = ? AND digest = ?",
    [QUERY_CODE_FIND] =
        "SELECT purpose, device, sent, expires, tries, key_id, digest FROM mail_code"
        " WHERE account = ?",
    [QUERY_CODE_PUT] =
        "INSERT OR REPLACE INTO mail_code (account, purpose, device, sent, expires, tries, key_id,"
        " digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [QUERY_CODE_DELETE] = "DELETE FROM mail_code WHERE account = ? AND purpose = ?",
    [QUERY_TICKET_FIND] =
        "SELECT time FROM ticket WHERE account = ? AND service = ? AND origin = ?",
    [QUERY_TICKET_PUT] =
        "INSERT OR REPLACE INTO ticket (account, service, origin, time) VALUES (?, ?, ?, ?)",
    [QUERY_TICKET_PRUNE] = "DELETE FROM ticket WHERE account = ? AND (time < ? OR time > ?)",
    [QUERY_TICKET_CLEAR] = "DELETE FROM ticket WHERE account = ?",
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

int row_corrupt(const struct sql *sql, const char *what, struct err *err)
{
    return err_set(err, ERR_STORE_CORRUPT, sql_path(sql),
                   "the store holds a record whose %s cannot be right: restore a copy, or remove "
                   "the account and enrol it again",
                   what);
}

int row_run_one(struct sql *sql, struct sqlite3_stmt *stmt, struct err *err)
{
    int changed = 0;
    int r = sql_run(sql, stmt, &changed, err);

    if (r != 0)
        return r;
    return changed == 1 ? 0 : row_corrupt(sql, "row is gone", err);
}
