/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases: accounts; floor 5. Each is one transaction with its event. ERR_NOT_FOUND where there
 * is no such account. */
#ifndef TOTP_ADMIN_H
#define TOTP_ADMIN_H

#include "event.h"
#include "store.h"

/* Fields to set; NULL leaves one as it is. Empty clears email and full_name. */
struct admin_fields {
    const char *email;
    const char *full_name;
    const enum account_role *role;
    const char *password; /* the plain password, hashed before the transaction; empty clears */
    const char *hash;     /* of password, where somebody made it already */
    bool expire;      /* the password there is: a new one is wanted. ERR_CONFLICT: there is none */
    bool clear_grace; /* every login asks for a code again */
};

/* An account without a device. ERR_EXISTS, ERR_INVALID (err names the field). */
int admin_add(struct store *store, const char *user, const struct admin_fields *fields,
              const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* Changes fields; action names the event ("set", "passwd"). */
int admin_set(struct store *store, const char *user, const struct admin_fields *fields,
              const char *action, const struct event_origin *origin, int64_t now,
              struct err *err) MUST_CHECK;

/* Two-factor login on or off for the whole account. */
int admin_enable(struct store *store, const char *user, bool enable,
                 const struct event_origin *origin, int64_t now, struct err *err) MUST_CHECK;

/* Closes the account; or opens it and clears its lock and failure count. */
int admin_lock(struct store *store, const char *user, bool lock, const struct event_origin *origin,
               int64_t now, struct err *err) MUST_CHECK;

/* The account with all that belongs to it; events stay. */
int admin_remove(struct store *store, const char *user, const struct event_origin *origin,
                 int64_t now, struct err *err) MUST_CHECK;

/* The account with secrets sealed, as list shows it. */
int admin_show(struct store *store, const char *user, struct account *account,
               struct err *err) MUST_CHECK;

#endif
