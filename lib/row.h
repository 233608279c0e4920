/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of an SQLite store, and what they may hold; floor 4. The file's bytes are no more
 * trusted than anything else from outside.
 *
 * The functions of struct backend, where the handle is a struct sql. */
#ifndef TOTP_ROW_H
#define TOTP_ROW_H

#include "backend.h"
#include "sql.h"

enum row_query {
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
    QUERY_CODE_FIND,
    QUERY_CODE_PUT,
    QUERY_CODE_DELETE,
    QUERY_TICKET_FIND,
    QUERY_TICKET_PUT,
    QUERY_TICKET_PRUNE,
    QUERY_TICKET_CLEAR,
    QUERY_EVENT_INSERT,
    QUERY_EVENT_PRUNE,
    QUERY_EVENT_EACH,
    QUERY_COUNT
};

/* One statement for each. */
extern const char *const row_queries[QUERY_COUNT];

/* A record that cannot be right: ERR_STORE_CORRUPT. */
int row_corrupt(const struct sql *sql, const char *what, struct err *err);

/* Runs a statement that must change exactly one row. */
int row_run_one(struct sql *sql, struct sqlite3_stmt *stmt, struct err *err) MUST_CHECK;

/* Accounts with their devices and backup tokens. */
int row_account_find(void *context, const char *name, struct account *account, struct err *err);
int row_account_each(void *context, backend_account_visitor *visit, void *visitor, struct err *err);
int row_account_insert(void *context, struct account *account, struct err *err);
int row_account_update(void *context, const struct account *account, struct err *err);
int row_account_delete(void *context, const char *name, struct err *err);
int row_device_insert(void *context, int64_t account, const struct device *device, struct err *err);
int row_device_update(void *context, int64_t account, const struct device *device, struct err *err);
int row_device_delete(void *context, int64_t account, int64_t device, struct err *err);
int row_token_insert(void *context, int64_t account, const struct token *token, struct err *err);
int row_token_delete(void *context, int64_t account, const struct token *token, struct err *err);

/* Codes sent by e-mail. row_code_find: all of them, into account. */
int row_code_find(struct sql *sql, struct account *account, struct err *err);
int row_code_put(void *context, int64_t account, enum mail_purpose purpose,
                 const struct mail_code *code, struct err *err);
int row_code_delete(void *context, int64_t account, enum mail_purpose purpose, struct err *err);

/* Tickets and events. */
int row_ticket_find(void *context, int64_t account, const char *service, const char *origin,
                    int64_t *time, struct err *err);
int row_ticket_put(void *context, int64_t account, const char *service, const char *origin,
                   int64_t time, int64_t before, struct err *err);
int row_ticket_clear(void *context, int64_t account, struct err *err);
int row_event_insert(void *context, const struct event *event, struct err *err);
int row_event_prune(void *context, int64_t before, unsigned most, struct err *err);
int row_event_each(void *context, const struct backend_filter *filter, backend_event_visitor *visit,
                   void *visitor, struct err *err);

#endif
