/* SPDX-License-Identifier: BSD-2-Clause */
/* What a store must be able to do; floor 3. A back end keeps records and transactions; it never
 * sees an opened secret and decides nothing. */
#ifndef TOTP_BACKEND_H
#define TOTP_BACKEND_H

#include "account.h"
#include "event.h"

enum backend_mode {
    BACKEND_EXISTING, /* fail when there is no store */
    BACKEND_CREATE,   /* make it, bring an older one up to date */
};

/* Which events: borrowed strings; NULL, 0: any. Events come oldest first. */
struct backend_filter {
    const char *user, *service, *verdict;
    int64_t since;    /* time >= since */
    int64_t after_id; /* id > after_id */
};

/* Return 0 to go on, anything else ends the walk and is its result. */
typedef int backend_account_visitor(void *context, const struct account *account);
typedef int backend_event_visitor(void *context, const struct event *event);

/* Functions return 0 or ERR_*, with err filled. Those that change something run inside a write
 * transaction; a commit that fails leaves nothing behind. Accounts are returned whole, with devices
 * in order of creation, their secrets sealed. */
struct backend {
    const char *scheme; /* "sqlite" */
    /* *created (may be NULL) tells whether the store was made. */
    int (*open)(const char *address, enum backend_mode mode, bool *created, void **handle,
                struct err *err);
    void (*close)(void *handle); /* takes NULL; rolls back */
    int (*begin)(void *handle, bool write, struct err *err);
    int (*commit)(void *handle, struct err *err);
    void (*rollback)(void *handle); /* without a transaction: nothing */
    /* One within a write transaction: kept with it, or undone alone. ERR_STORE where the back end
     * has given up the transaction around it. */
    int (*mark)(void *handle, struct err *err);
    int (*keep)(void *handle, struct err *err);
    void (*undo)(void *handle);
    /* Puts what was committed where a copy of the store's main file has it too, unless others are
     * at work; never waits. */
    void (*settle)(void *handle);
    int (*account_find)(void *handle, const char *name, struct account *account, struct err *err);
    int (*account_each)(void *handle, backend_account_visitor *visit, void *context,
                        struct err *err);
    int (*account_insert)(void *handle, struct account *account, struct err *err); /* sets id */
    int (*account_update)(void *handle, const struct account *account, struct err *err);
    /* With all that belongs to it, whether its record can be read or not. */
    int (*account_delete)(void *handle, const char *name, struct err *err);
    int (*device_insert)(void *handle, int64_t account, const struct device *device,
                         struct err *err);
    int (*device_update)(void *handle, int64_t account, const struct device *device,
                         struct err *err);
    int (*device_delete)(void *handle, int64_t account, int64_t device, struct err *err);
    int (*token_insert)(void *handle, int64_t account, const struct token *token, struct err *err);
    int (*token_delete)(void *handle, int64_t account, const struct token *token, struct err *err);
    /* The code sent for a purpose, in the place of the one there was. */
    int (*code_put)(void *handle, int64_t account, enum mail_purpose purpose,
                    const struct mail_code *code, struct err *err);
    int (*code_delete)(void *handle, int64_t account, enum mail_purpose purpose, struct err *err);
    /* When the account last had a success at a service from a place; *time 0: never. */
    int (*ticket_find)(void *handle, int64_t account, const char *service, const char *origin,
                       int64_t *time, struct err *err);
    /* In the place of the one there was. Those of the account from before a time go, and those from
     * after this one. */
    int (*ticket_put)(void *handle, int64_t account, const char *service, const char *origin,
                      int64_t time, int64_t before, struct err *err);
    int (*ticket_clear)(void *handle, int64_t account, struct err *err);
    int (*event_insert)(void *handle, const struct event *event, struct err *err);
    /* Of the most events that are oldest, those before a time go. */
    int (*event_prune)(void *handle, int64_t before, unsigned most, struct err *err);
    int (*event_each)(void *handle, const struct backend_filter *filter,
                      backend_event_visitor *visit, void *context, struct err *err);
};

/* The one that is built in. address: the path of the database. */
extern const struct backend backend_sqlite;

#endif
