/* SPDX-License-Identifier: BSD-2-Clause */
/* A code goes out by e-mail; floor 4. A file of its own, for a notice is large, and who enrols at a
 * login has little stack. */
#ifndef TOTP_POST_H
#define TOTP_POST_H

#include "event.h"
#include "store.h"

/* Within a write transaction: posts text, the code that was just made for account and that purpose,
 * and records "mail". label: of the device, or "". ERR_CONFLICT: the account has no address. */
int post_code(struct store *store, const struct account *account, enum mail_purpose purpose,
              const char *label, const char *text, const struct event_origin *origin, int64_t now,
              struct err *err) MUST_CHECK;

#endif
